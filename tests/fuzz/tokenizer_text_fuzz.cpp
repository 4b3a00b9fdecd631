// Input: a text. Every byte-level tokenizer gives it back, its tokens cover it, and the splitters written by hand cut
// it as their patterns do.
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/tokenizer.h"
#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/families.h"
#include "runtime/model/utf8.h"
#include "tests/support/quick_split_difference.h"

namespace {

using namespace stemma;

std::string document(const char* family) {
  nlohmann::json vocabulary = nlohmann::json::object();
  for (int byte = 0; byte < 256; ++byte) vocabulary[spelling_of_byte(static_cast<uint8_t>(byte))] = byte;
  for (const char* token : {"he", "ll", "hell", "hello", "\u0120\u0120", "\u0120hello", "19", "199", "\u010A\u010A"})
    vocabulary[token] = vocabulary.size();
  nlohmann::json made = family_stages(family);
  made.erase("normalizer");  // which would not give back what was not composed
  made["model"] = {
      {"type", "BPE"},
      {"vocab", vocabulary},
      {"merges", {"h e", "l l", "he ll", "hell o", "\u0120 \u0120", "\u0120 hello", "1 9", "19 9", "\u010A \u010A"}}};
  made["added_tokens"] = {{{"id", vocabulary.size()}, {"content", "<think>"}, {"special", false}}};
  return made.dump();
}

const std::map<std::string, Tokenizer>& tokenizers() {
  static const auto made = [] {
    std::map<std::string, Tokenizer> all;
    for (const char* family :
         {"gpt-2", "llama-bpe", "qwen2", "gpt-4o", "tekken", "deepseek-llm", "deepseek-coder", "deepseek-v3",
          "starcoder", "falcon", "command-r", "bloom", "chameleon", "seed-coder", "qwen35"})
      all.try_emplace(family, document(family), "", family);
    return all;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& [family, tokenizer] : tokenizers()) {
    std::vector<uint32_t> offsets;
    const auto ids = tokenizer.encode(text, &offsets);
    if (tokenizer.decode(ids) != text || offsets.size() != ids.size() + 1 || offsets.back() != size) __builtin_trap();
    for (size_t i = 0; i < ids.size(); ++i)
      if (text.substr(offsets[i], offsets[i + 1] - offsets[i]) != tokenizer.bytes(ids[i])) __builtin_trap();
  }
  for (std::string_view pattern : {gpt2_pattern, cl100k_pattern, qwen2_pattern})
    if (quick_split_difference(pattern, text) >= 0) __builtin_trap();
  return 0;
}
