// What one core can do at most, measured beside the engines: multiply-adds in registers, and reading weights.
// Vector extensions of GCC and Clang, as in the engine; the width follows the flags that it is built with.
#include <cstdint>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif
#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif
typedef float vec __attribute__((vector_size(4 * WIDTH)));

static const int CHAINS = 12;  // independent sums: two units of four cycles' latency need eight

// Multiply-adds in float32 that one call of fma_loop(rounds) makes.
extern "C" int64_t fma_count(int64_t rounds) { return rounds * CHAINS * WIDTH; }

extern "C" float fma_loop(int64_t rounds) {
  vec sum[CHAINS], factor = {}, offset = {};
  for (int lane = 0; lane < WIDTH; lane++) factor[lane] = 0.999f, offset[lane] = 1e-3f * lane;
  for (int chain = 0; chain < CHAINS; chain++) sum[chain] = offset * (float)chain;
  for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
    for (int chain = 0; chain < CHAINS; chain++) sum[chain] = sum[chain] * factor + offset;
  }
  for (int chain = 1; chain < CHAINS; chain++) sum[0] += sum[chain];
  return sum[0][0];
}

// The same with pairs of bfloat16, where the CPU has an instruction for it; 0: it has none.
extern "C" int64_t dot_count(int64_t rounds) {
#ifdef __AVX512BF16__
  return rounds * CHAINS * 32;
#else
  return 0 * rounds;
#endif
}

extern "C" float dot_loop(int64_t rounds) {
#ifdef __AVX512BF16__
  __m512 sum[CHAINS];
  const __m512bh first = (__m512bh)_mm512_set1_epi32(0x3f803f80), second = (__m512bh)_mm512_set1_epi32(0x3a003a00);
  for (int chain = 0; chain < CHAINS; chain++) sum[chain] = _mm512_set1_ps((float)chain);
  for (int64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
    for (int chain = 0; chain < CHAINS; chain++) {
      sum[chain] = _mm512_dpbf16_ps(sum[chain], first, second);
      asm volatile("" : "+v"(sum[chain]));  // else the constant is summed in advance
    }
  }
  for (int chain = 1; chain < CHAINS; chain++) sum[0] += sum[chain];
  return sum[0][0];
#else
  return 0.0f * rounds;
#endif
}

// Reads `vectors` vectors at `data`, aligned to 64 bytes, `rounds` times over.
extern "C" float read_loop(const float* data, int64_t vectors, int64_t rounds) {
  const vec* at = (const vec*)data;
  vec sum[8] = {};
  for (int64_t round = 0; round < rounds; round++) {
    for (int64_t place = 0; place + 8 <= vectors; place += 8)
#pragma GCC unroll 8
      for (int chain = 0; chain < 8; chain++) sum[chain] += at[place + chain];
    asm volatile("" ::: "memory");
  }
  for (int chain = 1; chain < 8; chain++) sum[0] += sum[chain];
  return sum[0][0];
}

extern "C" int64_t vector_bytes() { return 4 * WIDTH; }
