#include <nanobind/nanobind.h>

NB_MODULE(_jack, m) {}
