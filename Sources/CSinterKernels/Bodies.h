// The bodies of all kernels, compiled once for each level.
//
// SINTER_NAME(name) is the name of a function at the level, SINTER_WORDS the number of 64-bit words
// in one of its vector registers.

#include "CSinterKernels.h"

// A product and the sum that takes it in are two roundings on every machine, unless it says `fma`.
#pragma STDC FP_CONTRACT OFF

// Vectors are passed between functions of one file only, all of them inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#if SINTER_WORDS == 8
#include <immintrin.h>
#endif

#include "Vectors.h"
#include "ChunkVectors.h"

#include "ConversionBodies.h"
#include "ReductionBodies.h"

#include "RandomBodies.h"
#include "RankingBodies.h"

#include "ArithmeticBodies.h"
#include "StoredSumBodies.h"
#include "SelectionBodies.h"
#include "TaskVectorBodies.h"
#include "LowRankBodies.h"
#include "MatrixBodies.h"
