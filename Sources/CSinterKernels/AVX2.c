#if defined(__x86_64__)
#define SINTER_NAME(name) sinter_##name##_avx2
#define SINTER_WORDS 4
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#include "Bodies.h"
#pragma clang attribute pop
#endif
