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
/// x86-64 with AVX2 and FMA.
#define SINTER_LEVEL_AVX2 1
/// x86-64 with AVX-512 F, BW, DQ and VL.
#define SINTER_LEVEL_AVX512 2

/// The highest level that this machine and its operating system have.
int sinter_best_level(void);

/// The number of keys that a selection counts apart.
#define SINTER_ATOMS 4

/// A bracket of keys, and what is found of it.
typedef struct {
  /// The least and the greatest key of the bracket.
  uint64_t low, high;
  /// Keys that are counted apart, different ones; those not in use are the greatest number, and stand
  /// behind the others. The others lie within the bracket.
  uint64_t atoms[SINTER_ATOMS];
  /// Receives the keys within that are none of the atoms, in their order.
  uint64_t *inside;
  /// How many these are.
  size_t found;
  /// How many keys lie above the bracket, are zero, and equal each of the atoms.
  uint64_t totals[2 + SINTER_ATOMS];
} sinter_selection;

/// What a model brings to a vote on signs.
typedef struct {
  /// By what its row is multiplied first.
  double factor;
  /// How much it counts in the vote.
  double voice;
  /// By what its row is multiplied in the sum.
  double weight;
  /// What it adds to the divisor where it agrees.
  double share;
} sinter_vote;

/// How a vote is counted.
typedef struct {
  /// The sign that a sum of zero elects: 1, or 0 for none.
  double zero_sign;
  /// By what the result is multiplied.
  double lambda;
  /// What the magnitude of a divisor must exceed to divide.
  double least_divisor;
  /// Whether the sum is divided at all.
  int divides;
} sinter_election;

/// The magnitudes that are dropped: up to the lower bound, and from the upper one on. Neither drops
/// anything where it is NaN.
typedef struct {
  double low;
  double high;
} sinter_bounds;

/// The differences of some models from a base, whole or thinned out.
typedef struct {
  /// The base and the rows as they are stored, in BF16, or null; then those of doubles are null.
  const uint16_t *stored_base;
  const uint16_t *stored_rows;
  const double *base;
  /// The rows of the models, or of their differences where they were subtracted already: then there
  /// are neither bounds nor marks.
  const double *rows;
  /// How many elements one row begins after the one before.
  size_t stride;
  size_t row_count;
  /// Null, or what is dropped of each row.
  const sinter_bounds *bounds;
  /// Null, or which elements of each row are kept: a bit for each, of sixteen the first lowest.
  const uint16_t *marks;
  /// How many of these numbers the marks of one row begin after those of the one before.
  size_t marks_stride;
  /// Null, or numbers that are above zero where differences are kept, of all rows.
  const double *selectors;
} sinter_task_vectors;

/// The rows of a product of low rank that are computed at once.
#define SINTER_LOW_RANK_ROWS 4

/// The most rows of BF16 whose products are summed up at once.
#define SINTER_FEW_STORED 3

/// A function of the list of kernels, as Swift sees it.
#define KERNEL(type, name, parameters, arguments) \
  type sinter_##name(int level, SINTER_UNWRAP parameters);
#define SINTER_UNWRAP(...) __VA_ARGS__
#include "SinterKernelList.h"
#undef KERNEL

#endif
