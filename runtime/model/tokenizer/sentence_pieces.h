// A vocabulary of SentencePiece, from its own files or from GGUF.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/tokenizer/plan.h"

namespace stemma {

// As numbered in both.
enum class PieceKind { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

enum class PieceModel { unigram = 1, byte_pairs = 2, words = 3, characters = 4 };

struct SentencePieces {
  struct Piece {
    std::string text;
    float score = 0;
    PieceKind kind = PieceKind::normal;
  };
  std::vector<Piece> pieces;  // by id
  PieceModel model = PieceModel::byte_pairs;
  bool prefix_space = true, single_spaces = false;
  bool prefixes_each = true;  // stretch between added tokens, not only the text
  std::string charsmap;       // empty: none
  int32_t unknown = -1, bos = -1, eos = -1;
};

// Throws Error naming what is broken; `file` is for messages.
TokenizerPlan plan_of_pieces(const SentencePieces& pieces, const std::string& file);

}  // namespace stemma
