#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/families.h"
#include "runtime/model/tokenizer/json_model.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

TokenizerPlan plan_of_merges(std::string_view vocabulary, std::string_view merges, const std::string& kind,
                             const std::string& file) {
  TokenizerPlan plan;
  const nlohmann::json entries = parse_json_object(vocabulary, file);
  if (entries.empty()) throw Error(ErrorCode::bad_file, fmt::format("{}: has no tokens", file));
  read_vocabulary(entries, file, *plan.vocabulary);
  // Without a telling name, the size of the vocabulary tells those that are shared like this.
  std::string_view family = family_of_class(kind);
  if (family.empty() && entries.size() == 50257) family = "gpt-2";
  if (family.empty() && entries.size() == 151643) family = "qwen2";
  if (family.empty() && (entries.size() == 128000 || entries.size() == 128256)) family = "llama-bpe";
  const nlohmann::json stages = family_stages(family);
  if (stages.is_null())
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: how a {} cuts text is not known; use its tokenizer.json", file,
                            kind.empty() ? std::string("tokenizer without a tokenizer_class") : in_quotes(kind)));
  read_normalizers(stages, file, plan);
  read_pre_tokenizers(stages, file, true, plan);
  read_decoder(stages, file, plan);
  BytePairPlan pairs;
  pairs.ignores_merges = stages["ignore_merges"].get<bool>();
  for (size_t at = 0; at < merges.size();) {
    const size_t end = std::min(merges.find('\n', at), merges.size());
    std::string line(merges.substr(at, end - at));
    const bool first = at == 0;
    at = end + 1;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || (first && line.starts_with("#version"))) continue;
    pairs.merges.push_back(merge_of_line(line, static_cast<uint32_t>(pairs.merges.size()), "", *plan.vocabulary, file));
  }
  plan.model = byte_pair_model(*plan.vocabulary, pairs, true);
  return plan;
}

}  // namespace stemma
