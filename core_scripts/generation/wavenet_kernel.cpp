// A WaveNet (van den Oord et al. 2016) sample by sample on one core, for a few utterances in lock step.
//
// Plain C ABI, see the end; core_scripts/generation/native.py calls it, wavenet_weights.py says what is computed. With
// few utterances the time goes into reading weights, with many into multiplying; hence
//
//   - all weights lie in one arena, in the order of use, and each matrix in panels of four vectors of columns:
//
//       panel of columns 0..63     panel of columns 64..127        (16 lanes x 4)
//       k=0 | 0 1 2 .. 63 |        k=0 | 64 65 .. 127 |            k: input channel; with bf16 a word holds k and k+1
//       k=1 | 0 1 2 .. 63 |        k=1 | 64 65 .. 127 |
//       ...
//       arena: [older taps, all layers] [newest tap | residual] x layers, a skip matrix every few layers, [post]
//              [output] [condition]
//
//   - a panel of the taps holds filter and gate of the same channels, so that tanh * sigmoid is taken in registers;
//   - the older taps of layers with long dilations see inputs that are known for some samples ahead: with one
//     utterance they are multiplied for FORESIGHT samples at once, which reads their weights that much more rarely;
//   - conditioning vectors are projected for all layers once each, and not once for each sample that they reach.
//
// Every count of channels is padded with zeros to a multiple of PAD.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>
#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

namespace {

// ---- vectors ------------------------------------------------------------------------------------------------------

#if defined(__AVX512F__)
constexpr int LANES = 16, REGISTERS = 32;
#elif defined(__AVX__)
constexpr int LANES = 8, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr int LANES = 4, REGISTERS = 32;
#else
constexpr int LANES = 4, REGISTERS = 16;
#endif
constexpr int PANEL = 4;                              // vectors of columns
constexpr int SUMS = REGISTERS / 2;                   // vectors that are summed up at once
constexpr int MOST_ROWS = std::max(1, SUMS / PANEL);  // utterances that share a weight while it is in a register
constexpr int PAD = 32;                               // of every number of channels: whole or half panels
constexpr int FORESIGHT = 8;                          // samples
constexpr int SKIP_DEPTH = 128;                       // channels of z whose skips are added at once

using Word = uint32_t;  // a float, or two bf16
using Floats = float __attribute__((vector_size(LANES * 4)));
using Ints = int32_t __attribute__((vector_size(LANES * 4)));
using Words = uint32_t __attribute__((vector_size(LANES * 4)));
#define ALWAYS_INLINE inline __attribute__((always_inline))

template <class V, class T> ALWAYS_INLINE V load(const T* from) {
  V value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class V, class T> ALWAYS_INLINE void store(T* to, V value) { std::memcpy(to, &value, sizeof value); }
ALWAYS_INLINE Floats spread(float value) { return value - Floats{}; }
ALWAYS_INLINE Floats at_least(Floats x, float low) { return x < low ? spread(low) : x; }  // NaN stays
ALWAYS_INLINE Floats at_most(Floats x, float high) { return x > high ? spread(high) : x; }
constexpr int padded(int count) { return (count + PAD - 1) / PAD * PAD; }

// exp(x) = 2^n exp(r), |r| <= ln(2) / 2, by a polynomial with a relative error of 3e-9; x in [-87, 88].
ALWAYS_INLINE Floats exponential(Floats x) {
  constexpr float round = 12582912.f;  // 1.5 * 2^23: adding it leaves an integer in the low bits
  const Floats shifted = x * 1.44269504f + round;
  const Floats n = shifted - round;
  const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f, square = r * r;  // ln 2 in two parts
  const Floats high = (r * 8.368745116e-3f + 4.166839079e-2f) + square * 1.381453999e-3f;
  const Floats p = ((r * 1.666652040e-1f + 4.999999343e-1f) + high * square) * square + (r + 1.f);
  return (Floats)((Ints)p + ((Ints)shifted << 23));
}

// tanh(filter) * sigmoid(gate) with one division.
ALWAYS_INLINE Floats gated(Floats filter, Floats gate) {
  const Floats f = exponential(at_least(at_most(filter, 20.f), -20.f) * -2.f);
  const Floats g = exponential(-at_least(at_most(gate, 80.f), -40.f));
  return (1.f - f) / ((1.f + f) * (1.f + g));
}

// ---- forms of weights and inputs -----------------------------------------------------------------------------------

uint32_t bits_of_bf16(float value) {  // to the nearest, of two the even one
  const uint32_t bits = load<uint32_t>(&value);
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

Word bf16_pair(float lower, float upper) {
  const Word low = bits_of_bf16(lower);
#ifdef __AVX512BF16__
  return low | bits_of_bf16(upper) << 16;
#else
  const Word high = load<Word>(&upper);
  if ((high & 0x7fffffffu) < 0x10000u) return low | (high & 0x80000000u);  // zero: there is no word below to come from
  return low | ((high - low + 0x8000) & 0xffff0000u);                      // the nearest word that ends in `low`
#endif
}

struct Fp32 {
  static constexpr int WEIGHTS = 1, INPUTS = 1;  // per word
  template <int ROWS, int WIDTH>
  static ALWAYS_INLINE void step(const Word* weights, const Word* const* x, int k, Floats (&sum)[ROWS][WIDTH]) {
    for (int v = 0; v < WIDTH; v++) {
      const Floats w = load<Floats>(weights + v * LANES);
      for (int row = 0; row < ROWS; row++) sum[row][v] += w * load<float>(x[row] + k);
    }
  }
  static ALWAYS_INLINE void put(Word* row, int channel, Floats value) { store(row + channel, value); }
};

// Weights of 16 bits, inputs of 32. The upper half of a word is used together with the lower one, which is not masked
// out but was there when the upper half was rounded.
struct Bf16Weights {
  static constexpr int WEIGHTS = 2, INPUTS = 1;
  template <int ROWS, int WIDTH>
  static ALWAYS_INLINE void step(const Word* weights, const Word* const* x, int k, Floats (&sum)[ROWS][WIDTH]) {
    for (int v = 0; v < WIDTH; v++) {
      const Words pair = load<Words>(weights + v * LANES);
      const Floats even = (Floats)(pair << 16), odd = (Floats)pair;
      for (int row = 0; row < ROWS; row++) {
        sum[row][v] += even * load<float>(x[row] + 2 * k);
        sum[row][v] += odd * load<float>(x[row] + 2 * k + 1);
      }
    }
  }
  static ALWAYS_INLINE void put(Word* row, int channel, Floats value) { store(row + channel, value); }
};

#ifdef __AVX512BF16__
// Both of 16 bits, products and sums of 32.
struct Bf16 {
  static constexpr int WEIGHTS = 2, INPUTS = 2;
  template <int ROWS, int WIDTH>
  static ALWAYS_INLINE void step(const Word* weights, const Word* const* x, int k, Floats (&sum)[ROWS][WIDTH]) {
    for (int v = 0; v < WIDTH; v++) {
      const __m512bh w = (__m512bh)load<__m512i>(weights + v * LANES);
      for (int row = 0; row < ROWS; row++)
        sum[row][v] = (Floats)_mm512_dpbf16_ps((__m512)sum[row][v], w, (__m512bh)_mm512_set1_epi32(x[row][k]));
    }
  }
  static ALWAYS_INLINE void put(Word* row, int channel, Floats value) {
    store(row + channel / 2, _mm512_cvtneps_pbh((__m512)value));
  }
};
#else
using Bf16 = Bf16Weights;
#endif

// ---- products ------------------------------------------------------------------------------------------------------

struct Matrix {
  const Word* words = nullptr;
  int depth = 0;  // words per column
  int width = 0;  // vectors
};

struct Input {
  const Matrix* matrix;
  const Word* const* rows;
};

// What the sums begin with: a bias or a condition, and for a single row another vector, where `more` is not null.
struct Start {
  const float* const* rows;
  const float* const* more = nullptr;
};

constexpr int chains(int rows, int width, bool in_order) {
  return in_order ? 1 : std::max(1, std::min(SUMS / (rows * width), 8));
}

// `in_order`: a row's sum is the same to the last bit whatever rows are computed beside it, but slower for few of them.
template <class Form, bool in_order, int ROWS, int WIDTH, class Finish>
ALWAYS_INLINE void multiply_tile(const Input* inputs, int count, Start start, int row, int vector, Finish& finish) {
  constexpr int CHAINS = chains(ROWS, WIDTH, in_order);  // sums that do not wait for each other
  Floats sum[CHAINS][ROWS][WIDTH];
#pragma GCC unroll 8
  for (int c = 0; c < CHAINS; c++)
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
      for (int v = 0; v < WIDTH; v++)
        sum[c][r][v] = c == 0 ? load<Floats>(start.rows[row + r] + (vector + v) * LANES)
                       : c == 1 && start.more ? load<Floats>(start.more[row + r] + (vector + v) * LANES)
                                              : Floats{};
  for (int i = 0; i < count; i++) {
    const int depth = inputs[i].matrix->depth;
    const Word* weights = inputs[i].matrix->words + (size_t)vector * LANES * depth;
    const Word* x[ROWS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; r++) x[r] = inputs[i].rows[row + r];
    for (int k = 0; k < depth; k += CHAINS, weights += CHAINS * WIDTH * LANES)
#pragma GCC unroll 8
      for (int c = 0; c < CHAINS; c++) Form::template step<ROWS, WIDTH>(weights + c * WIDTH * LANES, x, k + c, sum[c]);
  }
#pragma GCC unroll 4
  for (int apart = CHAINS / 2; apart >= 1; apart /= 2)
#pragma GCC unroll 8
    for (int c = 0; c < apart; c++)
#pragma GCC unroll 16
      for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 4
        for (int v = 0; v < WIDTH; v++) sum[c][r][v] += sum[c + apart][r][v];
  finish(sum[0], row, vector);
}

template <class Form, bool in_order, int WIDTH, class Finish>
ALWAYS_INLINE void multiply_panel(const Input* inputs, int count, Start start, int rows, int vector, Finish& finish) {
  int row = 0;
  for (; row + MOST_ROWS <= rows; row += MOST_ROWS)
    multiply_tile<Form, in_order, MOST_ROWS, WIDTH>(inputs, count, start, row, vector, finish);
  if constexpr (MOST_ROWS > 2) {
    if (row + 2 <= rows) {
      multiply_tile<Form, in_order, 2, WIDTH>(inputs, count, start, row, vector, finish);
      row += 2;
    }
  }
  if (row < rows) multiply_tile<Form, in_order, 1, WIDTH>(inputs, count, start, row, vector, finish);
}

// finish(sums, row, vector) gets start + sum over inputs of rows @ matrix, tile by tile.
template <class Form, bool in_order = false, class Finish>
__attribute__((noinline)) void multiply(const Input* inputs, int count, Start start, int rows, Finish finish) {
  const int width = inputs->matrix->width;
  int vector = 0;
  for (; vector + PANEL <= width; vector += PANEL)
    multiply_panel<Form, in_order, PANEL>(inputs, count, start, rows, vector, finish);
  if (vector < width) multiply_panel<Form, in_order, PANEL / 2>(inputs, count, start, rows, vector, finish);
}

// For `multiply`: put(row, vector, sum) for each sum of a tile.
template <class Put> auto each(Put put) {
  return [put](const auto& sums, int row, int vector) {
    constexpr int ROWS = std::extent_v<std::remove_reference_t<decltype(sums)>, 0>;
    constexpr int WIDTH = std::extent_v<std::remove_reference_t<decltype(sums)>, 1>;
    for (int r = 0; r < ROWS; r++)
      for (int v = 0; v < WIDTH; v++) put(row + r, vector + v, sums[r][v]);
  };
}

// ---- the arena -----------------------------------------------------------------------------------------------------

// Laid out twice: without memory, to count it, and with it.
class Arena {
 public:
  ~Arena() { std::free(base_); }
  void allocate() {
    base_ = static_cast<char*>(std::aligned_alloc(64, used_ + 64));
    if (!base_) throw std::bad_alloc();
    std::memset(base_, 0, used_ + 64);
    used_ = 0;
  }
  template <class T> T* take(size_t count) {
    T* place = base_ ? reinterpret_cast<T*>(base_ + used_) : nullptr;
    used_ += (count * sizeof(T) + 63) / 64 * 64;
    return place;
  }

 private:
  char* base_ = nullptr;
  size_t used_ = 0;
};

// at(k, column) of a depth x columns matrix, both padded.
template <class At> Matrix pack(Arena& arena, int per_word, int depth, int columns, At at) {
  Word* words = arena.take<Word>((size_t)depth / per_word * columns);
  const Matrix matrix{words, depth / per_word, columns / LANES};
  if (!words) return matrix;
  for (int vector = 0; vector < matrix.width;) {
    const int width = std::min(PANEL, matrix.width - vector);
    for (int k = 0; k < depth; k += per_word)
      for (int column = vector * LANES; column < (vector + width) * LANES; column++, words++) {
        const float value = at(k, column);
        *words = per_word == 2 ? bf16_pair(value, at(k + 1, column)) : load<Word>(&value);
      }
    vector += width;
  }
  return matrix;
}

}  // namespace

// ---- what the caller hands over; native.py has the same fields in the same order ------------------------------------

extern "C" {

enum Head { CATEGORICAL, LOGISTICS, GAUSSIAN };

struct WaveNetWeights {  // shapes as in wavenet_weights.py
  int32_t layers, kernel_size, residual_channels, gate_channels, skip_channels, post_channels, outputs;
  int32_t condition_channels, codes, head, components, is_bf16;
  const int32_t* dilations;
  const float *embedding, *amplitudes, *taps, *residual, *skip, *skip_bias, *post, *post_bias, *output, *output_bias;
  const float *condition, *condition_bias;
  const double* borders;
  double first_log_scale, least_log_scale, largest_log_scale;
};

struct WaveNetRun {
  int32_t steps, rows;       // the first `rows` utterances go on
  int32_t vectors;           // V conditioning vectors of each
  const float* condition;    // (rows, V, C)
  const int32_t* places;     // (steps,) the vector that each sample reads, never falling
  const float* shares;       // (steps,) of the vector behind it; null: none
  const double* noise;       // (steps, rows) uniform in [0, 1), of the Gaussian head normal
  double temperature;        // 0 takes the most probable
  const int32_t* given;      // (steps, rows) codes to be followed; null: they are drawn
  int32_t* drawn;            // (steps, rows)
  float* outputs;            // (steps, rows, Q), or null
};

}  // extern "C"

namespace {

// ---- model and state -----------------------------------------------------------------------------------------------

struct Layer {
  int reach, dilation;        // inputs remembered
  std::vector<Matrix> older;  // taps before the newest
  Matrix newest, residual;
};

struct Model {
  WaveNetWeights sizes;  // its pointers are the caller's, and not used after packing
  int width, gates, skips, posts, outputs, channels;  // padded
  int group;                                          // layers whose skips are added at once
  Arena arena;
  std::vector<Layer> layers;
  std::vector<Matrix> skip;  // one per group
  Matrix post, output, condition;
  float *skip_bias, *post_bias, *output_bias, *condition_bias, *embedding, *amplitudes;
  double* borders;
};

// The channel of column `column` of the taps, beginning with D where it is one of the gate; -1: padding. A panel has
// the filter's vectors, then the gate's of the same channels.
int tap_column(int column, int gates, int channels) {
  const int vector = column / LANES, total = 2 * gates / LANES, panel = vector / PANEL * PANEL;
  const int half = std::min(PANEL, total - panel) / 2, place = vector - panel;
  const int channel = (panel / 2 + place % half) * LANES + column % LANES;
  return channel >= channels ? -1 : place >= half ? channels + channel : channel;
}

void lay_out(Model& m, const WaveNetWeights& w) {
  const int R = w.residual_channels, D = w.gate_channels, S = w.skip_channels, P = w.post_channels, Q = w.outputs;
  const int per_word = w.is_bf16 ? 2 : 1, L = w.layers, K = w.kernel_size, C = w.condition_channels;
  auto dense = [&](const float* from, int rows, int columns, int depth, int width) {
    return pack(m.arena, per_word, depth, width, [=](int k, int column) {
      return k < rows && column < columns ? from[(size_t)k * columns + column] : 0.f;
    });
  };
  auto taps = [&](int layer, int tap) {
    const float* from = w.taps + ((size_t)layer * K + tap) * R * 2 * D;
    return pack(m.arena, per_word, m.width, 2 * m.gates, [=, &m](int k, int column) {
      const int source = tap_column(column, m.gates, D);
      return k < R && source >= 0 ? from[(size_t)k * 2 * D + source] : 0.f;
    });
  };
  auto copy = [&](const float* from, int count, int width) {
    float* to = m.arena.take<float>(width);
    if (to && from) std::copy(from, from + count, to);
    return to;
  };
  m.layers.assign(L, {});
  m.skip.clear();
  for (int l = 0; l < L; l++)
    for (int tap = 0; tap + 1 < K; tap++) m.layers[l].older.push_back(taps(l, tap));
  m.skip_bias = copy(w.skip_bias, S, m.skips);
  for (int l = 0; l < L; l++) {
    m.layers[l].dilation = w.dilations[l];
    m.layers[l].reach = w.dilations[l] * (K - 1);
    m.layers[l].newest = taps(l, K - 1);
    if (l + 1 < L) m.layers[l].residual = dense(w.residual + (size_t)l * D * R, D, R, m.gates, m.width);
    if ((l + 1) % m.group && l + 1 < L) continue;
    const int first = l / m.group * m.group;
    m.skip.push_back(pack(m.arena, per_word, (l + 1 - first) * m.gates, m.skips, [&, first](int k, int column) {
      const int channel = k % m.gates;
      return channel < D && column < S ? w.skip[((size_t)(first + k / m.gates) * D + channel) * S + column] : 0.f;
    }));
  }
  m.post = dense(w.post, S, P, m.skips, m.posts);
  m.post_bias = copy(w.post_bias, P, m.posts);
  m.output = dense(w.output, P, Q, m.posts, m.outputs);
  m.output_bias = copy(w.output_bias, Q, m.outputs);
  m.embedding = copy(nullptr, 0, m.width * (w.amplitudes ? 2 : w.codes));
  if (m.embedding)
    for (int code = 0; code < (w.amplitudes ? 2 : w.codes); code++)
      std::copy_n(w.embedding + (size_t)code * R, R, m.embedding + (size_t)code * m.width);
  m.amplitudes = w.amplitudes ? copy(w.amplitudes, w.codes, w.codes) : nullptr;
  m.borders = m.arena.take<double>(w.borders ? w.codes - 1 : 0);
  if (m.borders && w.borders) std::copy_n(w.borders, w.codes - 1, m.borders);
  auto source = [=, &m](int column) {  // column of the padded conditions of all layers; -1: padding
    const int within = tap_column(column % (2 * m.gates), m.gates, D);
    return within < 0 ? -1 : column / (2 * m.gates) * 2 * D + within;
  };
  m.condition = pack(m.arena, 1, m.channels, L * 2 * m.gates, [=](int k, int column) {
    return k < C && source(column) >= 0 ? w.condition[(size_t)k * L * 2 * D + source(column)] : 0.f;
  });
  m.condition_bias = copy(nullptr, 0, L * 2 * m.gates);
  if (m.condition_bias)
    for (int column = 0; column < L * 2 * m.gates; column++)
      if (source(column) >= 0) m.condition_bias[column] = w.condition_bias[source(column)];
}


// All that is remembered from one sample to the next, and room to compute in. Rows of utterances lie side by side:
//
//   ring of a layer   [reach][utterance][R]   row `slot` the oldest input, which the newest overwrites
//   z                 [utterance][layer][D]
//   foreseen          [layer][FORESIGHT][2 D]  the older taps of the next samples, of the first utterance
//   projected         [utterance][vector][layer][2 D]
struct State {
  const Model* model = nullptr;
  int batch = 0;
  int64_t position = 0, foreseen_from = -1;
  int projected_from = 0, projected_count = 0;
  Arena arena;
  std::vector<Word*> rings;
  std::vector<int> slots;
  std::vector<int32_t> codes;
  float *x, *skip, *logits, *foreseen, *projected, *blended, *vectors, *zeros;
  Word *x_words, *z, *skip_words, *hidden;
  std::vector<Input> inputs;
  std::vector<std::vector<const Word*>> rows;                // of each input
  std::vector<const float*> starts, more, conditions, biases;
  std::vector<float*> targets;
};

constexpr int VECTORS = FORESIGHT + 1;

#ifdef __AVX512BF16__
constexpr int BF16_INPUTS = 2;
#else
constexpr int BF16_INPUTS = 1;
#endif

void lay_out(State& s) {
  const Model& m = *s.model;
  const size_t B = s.batch, L = m.layers.size(), per_word = m.sizes.is_bf16 ? BF16_INPUTS : 1;
  for (size_t l = 0; l < L; l++) s.rings[l] = s.arena.take<Word>(m.layers[l].reach * B * m.width / per_word);
  s.x = s.arena.take<float>(B * m.width);
  s.x_words = per_word == 1 ? reinterpret_cast<Word*>(s.x) : s.arena.take<Word>(B * m.width / per_word);
  s.z = s.arena.take<Word>(B * L * m.gates / per_word);
  s.skip = s.arena.take<float>(B * m.skips);
  s.skip_words = s.arena.take<Word>(B * m.skips / per_word);
  s.hidden = s.arena.take<Word>(B * m.posts / per_word);
  s.logits = s.arena.take<float>(B * m.outputs);
  s.foreseen = s.arena.take<float>(L * FORESIGHT * 2 * m.gates);
  s.zeros = s.arena.take<float>(2 * m.gates);
  s.blended = s.arena.take<float>(B * L * 2 * m.gates);
  s.projected = s.arena.take<float>(B * VECTORS * L * 2 * m.gates);
  s.vectors = s.arena.take<float>(B * VECTORS * m.channels);
}

// ---- drawing -------------------------------------------------------------------------------------------------------

// The first code whose cumulative probability exceeds the noise; `logits` are overwritten.
int draw_categorical(float* logits, int codes, double temperature, double noise) {
  std::fill(logits + codes, logits + padded(codes), logits[0]);
  Floats peaks = load<Floats>(logits);
  for (int i = LANES; i < codes; i += LANES) {
    const Floats next = load<Floats>(logits + i);
    peaks = next > peaks ? next : peaks;
  }
  float largest = peaks[0];
  for (int lane = 1; lane < LANES; lane++) largest = std::max<float>(largest, peaks[lane]);
  const float sharpness = 1 / temperature;
  if (sharpness > 3e38f) return std::find(logits, logits + codes, largest) - logits;  // 0, or as good as
  double total = 0, cumulative = 0;
  for (int i = 0; i < codes; i += LANES)
    store(logits + i, exponential(at_least((load<Floats>(logits + i) - largest) * sharpness, -87.f)));
  constexpr int BLOCK = 16;
  double sums[4096];  // of blocks; 2^16 codes at most
  for (int block = 0; block * BLOCK < codes; block++) {
    double sum = 0;
    for (int i = block * BLOCK; i < std::min(codes, (block + 1) * BLOCK); i++) sum += logits[i];
    total += sums[block] = sum;
  }
  const double threshold = noise * total;
  int code = 0;
  for (int block = 0; code + BLOCK < codes && cumulative + sums[block] <= threshold; block++, code += BLOCK)
    cumulative += sums[block];
  for (; code + 1 < codes && (cumulative += logits[code]) <= threshold;) code++;
  return code;
}

// Salimans et al. 2017, arXiv:1701.05517, eq. 2; the noise picks a component, and what is left of it a place in that.
int draw_level(const WaveNetWeights& sizes, const double* borders, const float* outputs, double temperature,
               double noise) {
  const int K = sizes.components;
  const float* means = K > 1 ? outputs + K : outputs;
  int chosen = 0;
  double deviation = noise;
  if (sizes.head == LOGISTICS) {
    const double largest = *std::max_element(outputs, outputs + K);
    if (K > 1 && temperature == 0) {
      chosen = std::find(outputs, outputs + K, (float)largest) - outputs;
    } else if (temperature > 0) {
      std::vector<double> shares(K, 1.0);
      double total = 0, end = 0;
      for (int i = 0; i < K; i++) total += shares[i] = K > 1 ? std::exp((outputs[i] - largest) / temperature) : 1.0;
      const double threshold = noise * total;
      for (end = shares[0]; chosen + 1 < K && end <= threshold;) end += shares[++chosen];
      const double rest = (threshold - end + shares[chosen]) / shares[chosen];
      const double share = std::min(std::max(rest, std::ldexp(1.0, -60)), 1 - std::ldexp(1.0, -53));
      deviation = std::log(share / (1 - share));
    }
  }
  const double log_scale = std::min(std::max(means[K + chosen] + sizes.first_log_scale, sizes.least_log_scale),
                                    sizes.largest_log_scale);
  const double point = temperature == 0 ? means[chosen] : means[chosen] + std::exp(log_scale) * temperature * deviation;
  return std::upper_bound(borders, borders + sizes.codes - 1, point) - borders;
}

bool all_finite(const float* values, int count) {
  Floats sum{};
  for (int i = 0; i < count; i += LANES) sum += load<Floats>(values + i) * 0.f;
  for (int lane = 0; lane < LANES; lane++)
    if (sum[lane] != 0) return false;  // 0 * infinity and 0 * NaN are NaN
  return true;
}

// ---- a step --------------------------------------------------------------------------------------------------------

template <class Form> class Stepping {
 public:
  Stepping(State& state, const WaveNetRun& run)
      : m(*state.model), s(state), run(run), rows(run.rows), L(m.layers.size()), layer_width(2 * m.gates) {
    s.projected_count = 0;
  }

  // How many steps were made: fewer than asked for if the outputs are not finite.
  int go() {
    for (int t = 0; t < run.steps; t++) {
      enter();
      read_condition(t);
      if (rows == 1 && s.position % FORESIGHT == 0) foresee();
      for (int layer = 0; layer < L; layer++) {
        advance(layer);
        if ((layer + 1) % m.group == 0 || layer + 1 == L) add_skips(layer / m.group);
      }
      compute_outputs();
      if (!take_codes(t)) return t;
      s.position++;
    }
    return run.steps;
  }

 private:
  static constexpr int PER = Form::INPUTS;

  void enter() {
    for (int b = 0; b < rows; b++) {
      float* x = s.x + b * m.width;
      const float* vector = m.embedding + (m.amplitudes ? 0 : (size_t)s.codes[b] * m.width);
      const float amplitude = m.amplitudes ? m.amplitudes[s.codes[b]] : 0.f;
      for (int i = 0; i < m.width; i += LANES) {
        Floats value = load<Floats>(vector + i);
        if (m.amplitudes) value = value * amplitude + load<Floats>(vector + m.width + i);
        store(x + i, value);
        if (PER > 1) Form::put(s.x_words + b * m.width / PER, i, value);
      }
      std::copy_n(m.skip_bias, m.skips, s.skip + b * m.skips);
    }
  }

  // What each layer adds, in s.conditions; vectors are projected when the first sample needs them.
  void read_condition(int t) {
    const int frame = run.places[t], last = run.vectors - 1;
    const float share = run.shares ? run.shares[t] : 0.f;
    const int next = share != 0 ? std::min(frame + 1, last) : frame;
    if (!s.projected_count || next >= s.projected_from + s.projected_count) project(t);
    const size_t width = (size_t)L * layer_width;
    for (int b = 0; b < rows; b++) {
      const float* own = s.projected + ((size_t)b * VECTORS + frame - s.projected_from) * width;
      const float* other = own + (next - frame) * width;
      s.conditions[b] = own;
      if (share == 0) continue;
      float* blended = s.blended + b * width;
      for (size_t i = 0; i < width; i += LANES) {
        const Floats value = load<Floats>(own + i);
        store(blended + i, value + (load<Floats>(other + i) - value) * share);
      }
      s.conditions[b] = blended;
    }
  }

  void project(int t) {
    const int first = run.places[t], ahead = std::min(t + FORESIGHT, run.steps) - 1;
    const int count = std::min(run.places[ahead] + (run.shares ? 1 : 0), run.vectors - 1) - first + 1;
    const int C = m.sizes.condition_channels;
    s.projected_from = first;
    s.projected_count = std::min(count, VECTORS);
    for (int b = 0, row = 0; b < rows; b++)
      for (int i = 0; i < s.projected_count; i++, row++) {
        float* vector = s.vectors + (size_t)row * m.channels;
        std::copy_n(run.condition + ((size_t)b * run.vectors + first + i) * C, C, vector);
        s.rows[0][row] = reinterpret_cast<const Word*>(vector);
        s.targets[row] = s.projected + ((size_t)b * VECTORS + i) * L * layer_width;
        s.biases[row] = m.condition_bias;
      }
    const Input input{&m.condition, s.rows[0].data()};
    multiply<Fp32, true>(&input, 1, {s.biases.data()}, rows * s.projected_count, put_into(s.targets));
  }

  // The older taps of layers whose inputs are known for the next samples.
  void foresee() {
    for (int l = 0; l < L; l++) {
      const Layer& layer = m.layers[l];
      if (layer.dilation < FORESIGHT) continue;
      for (int i = 0; i < FORESIGHT; i++) {
        for (size_t tap = 0; tap < layer.older.size(); tap++) s.rows[tap][i] = past(l, tap, i);
        s.targets[i] = s.foreseen + ((size_t)l * FORESIGHT + i) * layer_width;
        s.starts[i] = s.zeros;
      }
      for (size_t tap = 0; tap < layer.older.size(); tap++) s.inputs[tap] = {&layer.older[tap], s.rows[tap].data()};
      multiply<Form>(s.inputs.data(), layer.older.size(), {s.starts.data()}, FORESIGHT, put_into(s.targets));
    }
    s.foreseen_from = s.position;
  }

  void advance(int l) {
    const Layer& layer = m.layers[l];
    const int ahead = s.position % FORESIGHT, words = m.width / PER;
    const bool known = rows == 1 && layer.dilation >= FORESIGHT && s.foreseen_from == s.position - ahead;
    s.more[0] = s.foreseen + ((size_t)l * FORESIGHT + ahead) * layer_width;
    const size_t older = known ? 0 : layer.older.size();
    for (size_t tap = 0; tap < older; tap++) {
      for (int b = 0; b < rows; b++) s.rows[tap][b] = past(l, tap, 0) + b * words;
      s.inputs[tap] = {&layer.older[tap], s.rows[tap].data()};
    }
    for (int b = 0; b < rows; b++) {
      s.rows[older][b] = s.x_words + b * words;
      s.starts[b] = s.conditions[b] + l * layer_width;
    }
    s.inputs[older] = {&layer.newest, s.rows[older].data()};
    const size_t z_words = (size_t)L * m.gates / PER, z_layer = (size_t)l * m.gates / PER;
    multiply<Form>(s.inputs.data(), older + 1, {s.starts.data(), known ? s.more.data() : nullptr}, rows,
                   [&](const auto& sums, int row, int vector) {
                     constexpr int ROWS = std::extent_v<std::remove_reference_t<decltype(sums)>, 0>;
                     constexpr int HALF = std::extent_v<std::remove_reference_t<decltype(sums)>, 1> / 2;
                     for (int r = 0; r < ROWS; r++)
                       for (int v = 0; v < HALF; v++)
                         Form::put(s.z + (row + r) * z_words + z_layer, (vector / 2 + v) * LANES,
                                   gated(sums[r][v], sums[r][v + HALF]));
                   });
    Word* oldest = s.rings[l] + (size_t)s.slots[l] * s.batch * words;
    std::copy_n(s.x_words, rows * words, oldest);
    if (++s.slots[l] == layer.reach) s.slots[l] = 0;
    if (l + 1 == L) return;
    for (int b = 0; b < rows; b++) {
      s.rows[0][b] = s.z + b * z_words + z_layer;
      s.starts[b] = s.x + b * m.width;
    }
    const Input input{&layer.residual, s.rows[0].data()};
    multiply<Form>(&input, 1, {s.starts.data()}, rows, each([&](int row, int vector, Floats sum) {
      store(s.x + row * m.width + vector * LANES, sum);
      if (PER > 1) Form::put(s.x_words + row * words, vector * LANES, sum);
    }));
  }

  void add_skips(int group) {
    for (int b = 0; b < rows; b++) {
      s.rows[0][b] = s.z + ((size_t)b * L + group * m.group) * m.gates / PER;
      s.targets[b] = s.skip + b * m.skips;
      s.starts[b] = s.targets[b];
    }
    const Input input{&m.skip[group], s.rows[0].data()};
    multiply<Form>(&input, 1, {s.starts.data()}, rows, put_into(s.targets));
  }

  void compute_outputs() {
    for (int b = 0; b < rows; b++) {
      Word* words = s.skip_words + b * m.skips / PER;
      for (int i = 0; i < m.skips; i += LANES) Form::put(words, i, rectified(load<Floats>(s.skip + b * m.skips + i)));
      s.rows[0][b] = words;
      s.starts[b] = m.post_bias;
    }
    const Input skips{&m.post, s.rows[0].data()};
    multiply<Form>(&skips, 1, {s.starts.data()}, rows, each([&](int row, int vector, Floats sum) {
      Form::put(s.hidden + row * m.posts / PER, vector * LANES, rectified(sum));
    }));
    for (int b = 0; b < rows; b++) {
      s.rows[0][b] = s.hidden + b * m.posts / PER;
      s.starts[b] = m.output_bias;
      s.targets[b] = s.logits + b * m.outputs;
    }
    const Input hidden{&m.output, s.rows[0].data()};
    multiply<Form>(&hidden, 1, {s.starts.data()}, rows, put_into(s.targets));
  }

  bool take_codes(int t) {
    const int Q = m.sizes.outputs;
    for (int b = 0; b < rows; b++) {
      float* logits = s.logits + b * m.outputs;
      const size_t place = (size_t)t * rows + b;
      if (!all_finite(logits, m.outputs)) return false;
      if (run.outputs) std::copy_n(logits, Q, run.outputs + place * Q);
      if (run.given)
        s.codes[b] = run.given[place];
      else if (m.sizes.head == CATEGORICAL)
        s.codes[b] = draw_categorical(logits, Q, run.temperature, run.noise[place]);
      else
        s.codes[b] = draw_level(m.sizes, m.borders, logits, run.temperature, run.noise[place]);
      if (run.drawn) run.drawn[place] = s.codes[b];
    }
    return true;
  }

  // The first utterance's input of an older tap `ahead` samples from now.
  const Word* past(int l, size_t tap, int ahead) const {  // row < 2 * reach: `ahead` is less than the dilation
    const Layer& layer = m.layers[l];
    int row = s.slots[l] + (int)tap * layer.dilation + ahead;
    if (row >= layer.reach) row -= layer.reach;
    return s.rings[l] + (size_t)row * s.batch * m.width / PER;
  }

  static Floats rectified(Floats x) { return at_least(x, 0.f); }

  static auto put_into(const std::vector<float*>& targets) {
    return each([&targets](int row, int vector, Floats sum) { store(targets[row] + vector * LANES, sum); });
  }

  const Model& m;
  State& s;
  const WaveNetRun& run;
  const int rows, L, layer_width;
};

}  // namespace

// ---- the interface -------------------------------------------------------------------------------------------------

extern "C" {

int32_t wavenet_version() { return 1; }

// Null if there is no memory.
void* wavenet_pack(const WaveNetWeights* weights) {
  try {
    auto m = std::make_unique<Model>();
    m->sizes = *weights;
    m->width = padded(weights->residual_channels);
    m->gates = padded(weights->gate_channels);
    m->skips = padded(weights->skip_channels);
    m->posts = padded(weights->post_channels);
    m->outputs = padded(weights->outputs);
    m->channels = padded(weights->condition_channels);
    m->group = std::max(1, SKIP_DEPTH / m->gates);
    lay_out(*m, *weights);
    m->arena.allocate();
    lay_out(*m, *weights);
    return m.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void wavenet_unpack(void* model) { delete static_cast<Model*>(model); }

// `batch` utterances behind the same code, with nothing remembered; null if there is no memory.
void* wavenet_begin(const void* model, int32_t batch, int32_t code) {
  try {
    auto s = std::make_unique<State>();
    s->model = static_cast<const Model*>(model);
    s->batch = batch;
    const size_t most = (size_t)std::max(batch * VECTORS, FORESIGHT);
    s->rings.resize(s->model->layers.size());
    s->slots.assign(s->model->layers.size(), 0);
    s->codes.assign(batch, code);
    s->inputs.resize(s->model->sizes.kernel_size);
    s->rows.assign(s->model->sizes.kernel_size, std::vector<const Word*>(most));
    for (auto* pointers : {&s->starts, &s->more, &s->conditions, &s->biases}) pointers->resize(most);
    s->targets.resize(most);
    lay_out(*s);
    s->arena.allocate();
    lay_out(*s);
    return s.release();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void wavenet_end(void* state) { delete static_cast<State*>(state); }

// The inputs (reach, batch, R) of a layer before the first sample, the oldest first.
void wavenet_remember(void* state, int32_t layer, const float* inputs) {
  State& s = *static_cast<State*>(state);
  const Model& m = *s.model;
  const int R = m.sizes.residual_channels, per = m.sizes.is_bf16 ? BF16_INPUTS : 1;
  std::vector<float> row(m.width);
  for (int i = 0; i < m.layers[layer].reach * s.batch; i++) {
    std::copy_n(inputs + (size_t)i * R, R, row.begin());
    for (int channel = 0; channel < m.width; channel += LANES) {
      Word* place = s.rings[layer] + (size_t)i * m.width / per;
      per == 1 ? Fp32::put(place, channel, load<Floats>(&row[channel]))
               : Bf16::put(place, channel, load<Floats>(&row[channel]));
    }
  }
}

// Returns the number of steps made: fewer than asked for if the outputs of the next one are not finite.
int32_t wavenet_run(void* state, const WaveNetRun* run) {
  State& s = *static_cast<State*>(state);
  return s.model->sizes.is_bf16 ? Stepping<Bf16>(s, *run).go() : Stepping<Fp32>(s, *run).go();
}

}  // extern "C"
