// SPDX-License-Identifier: GPL-2.0-only
// A regular expression that tries every way to split 64 letters before it fails.
/^(a+)+$/.test("a".repeat(64) + "b");
