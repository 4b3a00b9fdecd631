// 128-bit XXH3 as 32 hexadecimal digits: names models, tokenizers and corpora. Not a defence against forgers.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace stemma {

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  std::string hex() const;  // of everything added so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string hash_of_bytes(std::span<const std::byte> bytes);
std::string hash_of_text(std::string_view text);

}  // namespace stemma
