/* SPDX-License-Identifier: GPL-2.0-only */
/* core/step.h against the model of property_case.h. */
#define property_step maze_step
#include "property_case.h"

#define STEPS 300000

static void random_schedules_match_the_slow_model(void **state)
{
	(void)state;
	run_random_schedules(STEPS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_schedules_match_the_slow_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
