// SPDX-License-Identifier: GPL-2.0-only
//
// A search in a list whose last node points to the first: it never ends and allocates
// nothing. The main thread allocates, so that the collector stops all threads about three
// times a second.

public class Ring {
	private static final int BURST = 20, BYTES = 20_000, PAUSE_MS = 20;

	static final class Node {
		final int key;
		Node next;

		Node(int key) {
			this.key = key;
		}
	}

	// Otherwise the compiler could drop the arrays.
	static volatile byte[] kept;

	static Node ring(int nodes) {
		Node first = new Node(0), last = first;

		for (int key = 1; key < nodes; key++)
			last = last.next = new Node(key);
		last.next = first;
		return first;
	}

	static boolean has(Node node, int key) {
		for (; node != null; node = node.next)
			if (node.key == key)
				return true;
		return false;
	}

	public static void main(String[] args) throws InterruptedException {
		Node ring = ring(3);
		Thread search = new Thread(() -> has(ring, -1), "search");

		search.setDaemon(true);
		search.start();
		for (;;) {
			for (int i = 0; i < BURST; i++)
				kept = new byte[BYTES];
			Thread.sleep(PAUSE_MS);
		}
	}
}
