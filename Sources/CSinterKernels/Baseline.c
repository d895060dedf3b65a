// SSE2 on x86-64, NEON on arm64.
#define SINTER_NAME(name) sinter_##name##_baseline
#define SINTER_WORDS 2
#include "Bodies.h"
