#include "CSinterKernels.h"

#define KERNEL(type, name, parameters, arguments) \
  type sinter_##name##_baseline parameters;       \
  type sinter_##name##_avx2 parameters;           \
  type sinter_##name##_avx512 parameters;
#include "SinterKernelList.h"
#undef KERNEL

#if defined(__x86_64__)

int sinter_best_level(void) {
  // These ask for the operating system's support of the registers too.
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
      !__builtin_cpu_supports("bmi2")) {
    return SINTER_LEVEL_BASELINE;
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return SINTER_LEVEL_AVX512;
  }
  return SINTER_LEVEL_AVX2;
}

#define KERNEL(type, name, parameters, arguments)                          \
  type sinter_##name(int level, SINTER_UNWRAP parameters) {                \
    switch (level) {                                                       \
      case SINTER_LEVEL_AVX512: return sinter_##name##_avx512 arguments;   \
      case SINTER_LEVEL_AVX2: return sinter_##name##_avx2 arguments;       \
      default: return sinter_##name##_baseline arguments;                  \
    }                                                                      \
  }
#include "SinterKernelList.h"
#undef KERNEL

#else

int sinter_best_level(void) { return SINTER_LEVEL_BASELINE; }

#define KERNEL(type, name, parameters, arguments)           \
  type sinter_##name(int level, SINTER_UNWRAP parameters) { \
    (void)level;                                            \
    return sinter_##name##_baseline arguments;              \
  }
#include "SinterKernelList.h"
#undef KERNEL

#endif
