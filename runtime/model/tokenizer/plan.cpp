#include "runtime/model/tokenizer/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

int32_t TokenizerPlan::find(const std::string& token) const {
  for (const AddedToken& entry : added)
    if (entry.content == token) return entry.id;
  return vocabulary->find(token);
}

void TokenizerPlan::add(AddedToken token, const std::string& file) {
  auto refuse = [&] {
    throw Error(ErrorCode::bad_file, fmt::format("{}: added token {} has another id ({}) than the vocabulary gives",
                                                 file, in_quotes(token.content), token.id));
  };
  const auto same = std::find_if(added.begin(), added.end(), [&](const AddedToken& entry) {
    return entry.id == token.id || entry.content == token.content;
  });
  if (same != added.end()) {
    if (same->id != token.id || same->content != token.content) refuse();
    *same = std::move(token);
    return;
  }
  const int32_t known = vocabulary->find(token.content);
  if (known >= 0 ? known != token.id : vocabulary->has(token.id)) refuse();
  added.push_back(std::move(token));
}

}  // namespace stemma
