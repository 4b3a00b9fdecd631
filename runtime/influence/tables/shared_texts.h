// A list of texts that many tables of one corpus share. It is made once and never changes; copies are cheap.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace stemma {

class SharedTexts {
 public:
  SharedTexts() : SharedTexts(std::vector<std::string>()) {}
  SharedTexts(std::vector<std::string> texts)
      : texts_(std::make_shared<const std::vector<std::string>>(std::move(texts))) {}
  SharedTexts(std::initializer_list<std::string> texts) : SharedTexts(std::vector<std::string>(texts)) {}

  size_t size() const { return texts_->size(); }
  const std::string& operator[](size_t i) const { return (*texts_)[i]; }
  const std::vector<std::string>& all() const { return *texts_; }
  friend bool operator==(const SharedTexts& a, const SharedTexts& b) {
    return a.texts_ == b.texts_ || *a.texts_ == *b.texts_;
  }

 private:
  std::shared_ptr<const std::vector<std::string>> texts_;
};

}  // namespace stemma
