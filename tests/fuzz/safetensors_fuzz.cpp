#include <algorithm>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/files/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stemma;
  try {
    for (const StoredTensor& tensor :
         parse_safetensors({reinterpret_cast<const std::byte*>(data), size}, "model.safetensors")) {
      std::vector<float> values(static_cast<size_t>(std::min<int64_t>(tensor.size(), 4096)));
      try {
        read_f32(tensor, tensor.size() - static_cast<int64_t>(values.size()), values, "model.safetensors");
      } catch (const Error&) {  // a type that weights cannot have
      }
    }
  } catch (const Error&) {
  }
  return 0;
}
