// Texts of variable length, which lie in a file's global heaps. The library trusts the lengths that are written there
// and copies past their ends; so it is asked for a text's place alone, and the bytes are taken here.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/model/files/mapped_file.h"

namespace stemma {

// Of one file, mapped when the first text is read. One thread at a time.
class TextHeap {
 public:
  // As the file holds it (format specification of HDF5, IV.A.2.d): the text's length (4), its heap's address (8), its
  // number there (4).
  struct Place {
    unsigned char bytes[16];
  };

  // `object`: anything open in the file, whose library is prepared. Throws Error where the text lies outside its heap,
  // or the heap outside the file; `place` names it there.
  std::string text(int64_t object, const Place& at, const std::string& place);

 private:
  struct Piece {
    uint64_t begin = 0, length = 0;
  };
  const std::vector<Piece>& pieces_of(uint64_t heap, const std::string& place);

  std::unique_ptr<MappedFile> file_;
  std::unordered_map<uint64_t, std::vector<Piece>> heaps_;  // by address; pieces by number
};

}  // namespace stemma
