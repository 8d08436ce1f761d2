#pragma once

/* The configuration that a probe is for, on standard input. */

#include "config/config.h"

/* Read and check it. Return: 0 and a configuration with an account at least; or a negative errno after sentences
 * in the log (*ret_config may be set all the same). */
int probe_input(Config **ret_config);
