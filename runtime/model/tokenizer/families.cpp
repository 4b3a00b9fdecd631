#include "runtime/model/tokenizer/families.h"

#include <array>
#include <initializer_list>
#include <string>
#include <vector>

#include "runtime/model/tokenizer/quick_split.h"

namespace stemma {

namespace {

using nlohmann::json;

struct Family {
  std::vector<std::string_view> names;
  std::vector<std::string_view> splits;  // regular expressions, one after the other; "1" and "P": digits, punctuation
  bool by_gpt2 = false;                  // GPT-2's pattern last
  bool composes = false;                 // NFC
  bool ignores_merges = false;
};

constexpr std::string_view each_digit = "1", punctuation = "P";

constexpr std::string_view o200k =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view tekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view seed_coder =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view deepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view deepseek_cased =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-\x{1F7D}ᾀ-ᾴᾶ-ᾼ\x{1FBE}ῂ-ῄῆ-ῌῐ-\x{1FD3}ῖ-\x{1FDB}ῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤ\x{2126}ℨ\x{212A}-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⲳⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";
constexpr std::string_view deepseek_han = "[一-龥ࠀ-一가-\U0000D7FF]+", deepseek3_han = "[一-龥\u3040-ゟ゠-ヿ]+";
constexpr std::string_view bloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

// The names are those of llama.cpp's conversion script; what they stand for is in the families' own tokenizer.json.
const std::vector<Family>& families() {
  static const std::vector<Family> table = {
      {{"gpt-2", "gpt2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "jina-v1-en", "jina-v2-code",
        "roberta-bpe", "gigachat", "jais", "trillion", "a.x-4.0", "mellum", "default"},
       {},
       true},
      {{"mpt", "olmo", "gpt-neox"}, {}, true, true},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "midm-2.0", "lfm2"},
       {cl100k_pattern},
       false,
       false,
       true},
      {{"dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "cl100k"}, {cl100k_pattern}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez"}, {qwen2_pattern}, false, true},
      {{"grok-2", "bailingmoe"}, {qwen2_pattern}},
      {{"qwen35"}, {qwen35}, false, true},
      {{"gpt-4o", "o200k"}, {o200k}},
      {{"llama4"}, {o200k}, false, false, true},
      {{"tekken", "pixtral"}, {tekken}, false, false, true},
      {{"seed-coder"}, {seed_coder}},
      {{"deepseek-llm"},
       {"[\r\n]", deepseek_cased, R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)", R"(\s+$)", deepseek_han, each_digit}},
      {{"deepseek-coder"}, {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", deepseek_han, each_digit}},
      {{"deepseek-v3", "hunyuan-dense"}, {R"(\p{N}{1,3})", deepseek3_han, deepseek3}},
      {{"starcoder", "refact", "smollm", "codeshell", "exaone", "minerva-7b"}, {each_digit}, true},
      {{"command-r"}, {each_digit}, true, true},
      {{"bloom", "poro-chat", "gpt3-finnish"}, {bloom}},
      {{"viking"}, {bloom, each_digit}},
      {{"chameleon"},
       {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\t\n]|    |  )", each_digit, punctuation},
       true},
  };
  return table;
}

json byte_level(bool by_gpt2) { return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", by_gpt2}}; }

json split(std::string_view pattern) {
  return {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}};
}

json stages(const Family& family) {
  json parts = json::array();
  for (std::string_view pattern : family.splits)
    if (pattern == each_digit)
      parts.push_back({{"type", "Digits"}, {"individual_digits", true}});
    else if (pattern == punctuation)
      parts.push_back({{"type", "Punctuation"}});
    else
      parts.push_back(split(pattern));
  parts.push_back(byte_level(family.by_gpt2));
  json made = {{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", parts}}},
               {"decoder", {{"type", "ByteLevel"}}},
               {"ignore_merges", family.ignores_merges}};
  if (family.composes) made["normalizer"] = {{"type", "NFC"}};
  return made;
}

}  // namespace

json family_stages(std::string_view pre) {
  if (pre == "falcon")  // digits are looked for once the bytes are spelled
    return {{"pre_tokenizer",
             {{"type", "Sequence"},
              {"pretokenizers",
               {{{"type", "Punctuation"}, {"behavior", "Contiguous"}},
                byte_level(true),
                {{"type", "Digits"}, {"individual_digits", false}},
                split("[0-9][0-9][0-9]")}}}},
            {"decoder", {{"type", "ByteLevel"}}}};
  for (const Family& family : families())
    for (std::string_view name : family.names)
      if (name == pre) return stages(family);
  return nullptr;
}

std::string_view family_of_class(std::string_view tokenizer_class) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> classes = {{{"GPT2Tokenizer", "gpt-2"},
                                                                                      {"RobertaTokenizer", "gpt-2"},
                                                                                      {"BartTokenizer", "gpt-2"},
                                                                                      {"CodeGenTokenizer", "gpt-2"},
                                                                                      {"WhisperTokenizer", "gpt-2"},
                                                                                      {"OPTTokenizer", "gpt-2"},
                                                                                      {"GPTNeoXTokenizer", "gpt-neox"},
                                                                                      {"Qwen2Tokenizer", "qwen2"},
                                                                                      {"Qwen3Tokenizer", "qwen2"},
                                                                                      {"CohereTokenizer", "command-r"},
                                                                                      {"BloomTokenizer", "bloom"}}};
  if (tokenizer_class.ends_with("Fast")) tokenizer_class.remove_suffix(4);
  for (const auto& [name, family] : classes)
    if (name == tokenizer_class) return family;
  return {};
}

json sentencepiece_stages(bool prefix_space) {
  const json to_underscores = {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}};
  json normalizers = json::array(), decoders = json::array();
  if (prefix_space) normalizers.push_back({{"type", "Prepend"}, {"prepend", "\u2581"}});
  normalizers.push_back(to_underscores);
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (prefix_space) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return {{"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
          {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}}};
}

}  // namespace stemma
