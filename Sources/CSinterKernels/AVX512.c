#if defined(__x86_64__)
#define SINTER_NAME(name) sinter_##name##_avx512
#define SINTER_WORDS 8
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2"))), apply_to = function)
#include "Bodies.h"
#pragma clang attribute pop
#endif
