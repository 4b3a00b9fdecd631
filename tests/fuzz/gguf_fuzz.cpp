// A GGUF file, its metadata as a config, and its tensors' numbers and names.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/files/gguf_model.h"

namespace {

using namespace stemma;

template <class Action>
void allow_errors(Action action) {
  try {
    action();
  } catch (const Error&) {  // what a bad file deserves
  }
}

void read_metadata(const Gguf& gguf) {
  for (const auto& [key, value] : gguf.metadata()) {
    const std::string_view name = key;
    if (value.array) {
      allow_errors([&] { gguf.texts(name); });
      allow_errors([&] { gguf.numbers(name); });
      allow_errors([&] { gguf.integers(name); });
      allow_errors([&] { gguf.flags(name); });
    } else {
      allow_errors([&] { gguf.text(name); });
      allow_errors([&] { gguf.number(name); });
      allow_errors([&] { gguf.flag(name); });
    }
  }
}

void read_tensor(const StoredTensor& tensor) {
  std::vector<float> values(static_cast<size_t>(std::min<int64_t>(tensor.size(), 4096)));
  allow_errors([&] { read_f32(tensor, tensor.size() - static_cast<int64_t>(values.size()), values, "model.gguf"); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  allow_errors([&] {
    const Gguf gguf({reinterpret_cast<const std::byte*>(data), size}, "model.gguf");
    read_metadata(gguf);
    for (const StoredTensor& tensor : gguf.tensors()) read_tensor(tensor);
    const ModelConfig config = parse_config(gguf_config(gguf), "model.gguf");
    for (const StoredTensor& tensor : gguf.tensors()) allow_errors([&] { gguf_place(gguf, tensor.name, config); });
  });
  return 0;
}
