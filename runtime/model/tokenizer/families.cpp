#include "runtime/model/tokenizer/families.h"

#include <array>
#include <initializer_list>
#include <nlohmann/json.hpp>
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

constexpr std::string_view each_digit = "1", each_mark = "P";

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
// The cased letters of its day.
constexpr std::string_view deepseek_cased =
    R"(\s?[A-Za-z)"
    R"(\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF})"
    R"(\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1})"
    R"(\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5})"
    R"(\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77})"
    R"(\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE})"
    R"(\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC})"
    R"(\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124})"
    R"(\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E})"
    R"(\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D})"
    R"(\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F})"
    R"(\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF})"
    R"(\x{1E900}-\x{1E943})"
    R"(]+)";
constexpr std::string_view deepseek_han = "[一-龥ࠀ-一가-\U0000D7FF]+", deepseek3_han = "[一-龥\u3040-ゟ゠-ヿ]+";
constexpr std::string_view bloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

constexpr std::string_view kimi_k2 =
    R"([\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view jais2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1})";
constexpr std::string_view exaone_moe =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view ufakzeka =
    R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view minicpm5 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view spark =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+)";
constexpr std::string_view youtu_scripts =
    "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\u3040-ゟ゠-ヿ]+";
constexpr std::string_view youtu =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// The names are those of llama.cpp's conversion script; what they stand for is in the families' own tokenizer.json.
const std::vector<Family>& families() {
  static const std::vector<Family> table = {
      {{"gpt-2", "gpt2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "jina-v1-en", "jina-v2-code",
        "roberta-bpe", "gigachat", "jais", "trillion", "a.x-4.0", "mellum", "exaone4", "granite-docling", "default"},
       {},
       true},
      {{"mpt", "olmo", "gpt-neox", "modern-bert"}, {}, true, true},
      {{"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "midm-2.0", "lfm2", "jina-v5-nano"},
       {cl100k_pattern},
       false,
       false,
       true},
      {{"dbrx", "smaug-bpe", "chatglm-bpe", "glm4", "cl100k"}, {cl100k_pattern}},
      {{"qwen2", "deepseek-r1-qwen", "stablelm2", "hunyuan", "megrez", "kormo", "f2llmv2"},
       {qwen2_pattern},
       false,
       true},
      {{"grok-2", "bailingmoe", "bailingmoe2", "llada-moe", "solar-open"}, {qwen2_pattern}},
      {{"qwen35"}, {qwen35}, false, true},
      {{"gpt-4o", "o200k", "kanana2", "talkie", "minimax-m2"}, {o200k}},
      {{"llama4", "granite-embed-multi-97m"}, {o200k}, false, false, true},
      {{"tekken", "pixtral"}, {tekken}, false, false, true},
      {{"seed-coder"}, {seed_coder}},
      {{"deepseek-llm"},
       {"[\r\n]", deepseek_cased, R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)", R"(\s+$)", deepseek_han, each_digit}},
      {{"deepseek-coder"}, {"[\r\n]", R"(\s?\p{L}+)", R"(\s?\p{P}+)", deepseek_han, each_digit}},
      {{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"}, {R"(\p{N}{1,3})", deepseek3_han, deepseek3}},
      {{"spark2_5"}, {R"(\p{N}{1,3})", deepseek3_han, spark, each_digit}},
      {{"kimi-k2"}, {kimi_k2}},
      {{"tiny_aya", "cohere2moe"}, {R"(\d{1,3}(?=(?:\d{3})*\b))", o200k}},
      {{"superbpe"}, {R"(\p{N}+)", R"((?=(\d{3})+(?!\d)))"}},
      {{"youtu"}, {youtu_scripts, youtu}, false, false, true},
      {{"jais-2"}, {jais2}},
      {{"exaone-moe"}, {exaone_moe}},
      {{"ufakzeka"}, {ufakzeka}},
      {{"minicpm5"}, {R"(\p{N}{1,3})", minicpm5}, false, false, true},
      {{"laguna"}, {"[^\n]+|[\n]+", qwen2_pattern}},
      {{"starcoder", "refact", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"}, {each_digit}, true},
      {{"command-r"}, {each_digit}, true, true},
      {{"bloom", "poro-chat", "gpt3-finnish"}, {bloom}},
      {{"viking"}, {bloom, each_digit}},
      {{"chameleon"},
       {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\t\n]|    |  )", each_digit, each_mark},
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
    else if (pattern == each_mark)
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
