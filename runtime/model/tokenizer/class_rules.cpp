#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/families.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

namespace {

// The kinds of models whose tokenizer.json counts, though their configuration may name the class.
constexpr std::array<std::string_view, 11> have_own_steps = {"phi3",     "phi3_v",  "phimoe",    "mistral",
                                                             "mistral3", "mixtral", "ministral", "ministral3",
                                                             "fuyu",     "llava",   "nemotron"};

bool is_llama_class(const nlohmann::json& configuration) {
  const std::string name = text_field(configuration, "tokenizer_class");
  const std::string model = text_field(configuration, "model_type");
  return (name == "LlamaTokenizer" || name == "LlamaTokenizerFast") &&
         std::find(have_own_steps.begin(), have_own_steps.end(), model) == have_own_steps.end();
}

}  // namespace

std::string apply_class(const nlohmann::json& configuration, const std::string& file, TokenizerPlan& to) {
  std::string changes;
  const std::string_view kind = to.model->kind();
  // Where the class keeps its own steps, only vocabulary and merges of the files count.
  if (is_llama_class(configuration) && kind == "BPE with byte fallback") {
    const bool prefixes = flag_field(configuration, "add_prefix_space", true);
    const auto scheme = !prefixes                                    ? PrependScheme::never
                        : flag_field(configuration, "legacy", false) ? PrependScheme::always
                                                                     : PrependScheme::first;
    std::vector<PreTokenizer> steps = {metaspace(std::string(underscore), scheme, false)};
    if (!to.pre_tokenizers.empty() && to.pre_tokenizers.back().scanner())
      steps.push_back(std::move(to.pre_tokenizers.back()));
    to.pre_tokenizers = std::move(steps);
    to.looks_at_origins = true;
    to.normalizers.clear();
    to.decoder = Decoder();
    read_decoder(sentencepiece_stages(prefixes), file, to);
    changes = fmt::format("LlamaTokenizer {}", static_cast<int>(scheme));
  }
  const bool of_pairs = kind.find("BPE") != std::string_view::npos;
  const bool cleans_pairs =
      flag_field(configuration, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", false);
  if (flag_field(configuration, "clean_up_tokenization_spaces", false) && (!of_pairs || cleans_pairs)) {
    to.decoder.whole.push_back(decode_clean_up());
    changes += " clean";
  }
  return changes;
}

}  // namespace stemma
