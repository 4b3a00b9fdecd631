#include <cstdint>

#include "runtime/error.h"
#include "runtime/model/config.h"
#include "runtime/model/weight_layout.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stemma;
  try {
    const ModelConfig config = parse_config({reinterpret_cast<const char*>(data), size}, "config.json");
    int64_t parameters = 0;
    for (const WeightPlace& place : weight_layout(config))  // a sanitizer sees the sum overflow
      parameters += place.rows * place.columns;
    if (parameters <= 0) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
