#include <nanobind/nanobind.h>

NB_MODULE(_ring, m) {}
