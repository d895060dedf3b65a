#ifndef CSINTERKERNELS_H
#define CSINTERKERNELS_H

#include <stddef.h>
#include <stdint.h>

// Loops over rows of numbers, compiled once for each level of vector instructions.
//
// Every function takes the level first, and gives the same bits at every level, but for the payload
// of a NaN that comes from several. None keeps state or allocates. A pointer may be null when the
// count is 0; what is written must not overlap what is read.

/// What every machine of the architecture has.
#define SINTER_LEVEL_BASELINE 0
/// x86-64 with AVX2.
#define SINTER_LEVEL_AVX2 1
/// x86-64 with AVX-512 F, BW, DQ and VL.
#define SINTER_LEVEL_AVX512 2

/// The highest level that this machine and its operating system have.
int sinter_best_level(void);

/// A function of the list of kernels, as Swift sees it.
#define KERNEL(type, name, parameters, arguments) \
  type sinter_##name(int level, SINTER_UNWRAP parameters);
#define SINTER_UNWRAP(...) __VA_ARGS__
#include "SinterKernelList.h"
#undef KERNEL

#endif
