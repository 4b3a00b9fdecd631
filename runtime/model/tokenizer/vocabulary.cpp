#include "runtime/model/tokenizer/vocabulary.h"

namespace stemma {

bool Vocabulary::add(std::string spelling, int32_t id) {
  const int32_t known = find(spelling);
  return known >= 0 ? known == id : add_twin(std::move(spelling), id);
}

bool Vocabulary::add_twin(std::string spelling, int32_t id) {
  const auto place = static_cast<size_t>(id);
  if (place < used_.size() && used_[place]) return spellings_[place] == spelling;
  ids_.emplace(spelling, id);
  if (place >= spellings_.size()) spellings_.resize(place + 1), used_.resize(place + 1);
  spellings_[place] = std::move(spelling);
  used_[place] = true;
  return true;
}

int32_t Vocabulary::find(std::string_view spelling) const {
  const auto place = ids_.find(spelling);
  return place == ids_.end() ? -1 : place->second;
}

}  // namespace stemma
