// The list of kernels, to be included with a definition of KERNEL(type, name, parameters, arguments).
// No include guard: each inclusion makes something else of the list.

// MARK: Conversion
//
// Little-endian elements, aligned to their size, to and from Double. Widening is exact; narrowing
// rounds once, to nearest and ties to even, and returns how many results are not finite.

KERNEL(void, widen_f64, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_f32, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_bf16, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_f16, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_e4m3, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(void, widen_e5m2, (const void *bytes, double *row, size_t count), (bytes, row, count))
KERNEL(size_t, narrow_f64, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_f32, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_bf16, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_f16, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_e4m3, (const double *row, void *bytes, size_t count), (row, bytes, count))
KERNEL(size_t, narrow_e5m2, (const double *row, void *bytes, size_t count), (row, bytes, count))
