/* placeholder until the first module of floor 3 */
typedef int core_is_not_empty;
