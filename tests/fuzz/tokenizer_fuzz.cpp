// Input: a tokenizer's file of any form; lines of "====" may divide it from a tokenizer_config.json, a text to encode,
// and a merges.txt (the first is then a vocab.json).
#include <algorithm>
#include <string_view>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stemma;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  auto next = [&rest] {
    constexpr std::string_view divider = "\n====\n";
    const size_t at = rest.find(divider);
    const std::string_view part = rest.substr(0, at);
    rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + divider.size());
    return part;
  };
  try {
    const std::string_view document = next(), config = next(), given = next(), merges = rest;
    const Tokenizer tokenizer(document, config, "tokenizer", merges);
    for (std::string_view text : {given, std::string_view("Hello  world\n\xFF\xC3\xA9 e\xCC\x81<think>")}) {
      std::vector<uint32_t> offsets;
      const std::vector<int32_t> ids = tokenizer.encode(text, &offsets);
      if (offsets.size() != ids.size() + 1 || offsets.back() != text.size()) __builtin_trap();
      for (int32_t id : tokenizer.with_special(ids))
        if (id < 0 || id >= tokenizer.size()) __builtin_trap();
      tokenizer.decode(ids);
    }
  } catch (const Error&) {
  }
  return 0;
}
