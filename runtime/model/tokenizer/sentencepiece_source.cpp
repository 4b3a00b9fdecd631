#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "runtime/error.h"
#include "runtime/model/tokenizer/sentence_pieces.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

namespace {

// Protocol buffers' wire format, as much of it as there is to it: fields of numbers and byte strings.
class Message {
 public:
  Message(std::string_view bytes, const std::string& file) : rest_(bytes), file_(file) {}

  // Calls each(field, number, bytes) for every field; of the last two, one is what the field holds.
  template <typename Each>
  void read(const Each& each) {
    while (!rest_.empty()) {
      const uint64_t key = varint();
      uint64_t number = 0;
      std::string_view bytes;
      if ((key & 7) == 0)
        number = varint();
      else if ((key & 7) == 1)
        number = fixed(8);
      else if ((key & 7) == 2)
        bytes = take(varint());
      else if ((key & 7) == 5)
        number = fixed(4);
      else
        refuse();
      each(key >> 3, number, bytes);
    }
  }

 private:
  [[noreturn]] void refuse() const {
    throw Error(ErrorCode::bad_file, fmt::format("{}: not a whole SentencePiece model; fetch it again", file_));
  }
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) refuse();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  uint64_t fixed(size_t size) {
    uint64_t value = 0;
    std::memcpy(&value, take(size).data(), size);
    return value;
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    refuse();
  }

  std::string_view rest_;
  const std::string& file_;
};

SentencePieces::Piece piece_of(std::string_view bytes, const std::string& file) {
  SentencePieces::Piece piece;
  Message(bytes, file).read([&](uint64_t field, uint64_t number, std::string_view text) {
    if (field == 1) piece.text = text;
    if (field == 2) piece.score = std::bit_cast<float>(static_cast<uint32_t>(number));
    if (field == 3 && number >= 1 && number <= 6) piece.kind = static_cast<PieceKind>(number);
  });
  return piece;
}

}  // namespace

TokenizerPlan plan_of_sentencepiece(std::string_view bytes, bool prefixes_each, const std::string& file) {
  SentencePieces to;
  to.prefixes_each = prefixes_each;
  to.single_spaces = true;
  uint64_t kind = 1;
  int32_t bos = 1, eos = 2;
  bool escapes = true, suffix = false;
  auto id_of = [](uint64_t number) { return number < static_cast<uint64_t>(most_tokens) ? int32_t(number) : -1; };
  Message(bytes, file).read([&](uint64_t field, uint64_t, std::string_view part) {
    if (field == 1) {
      to.pieces.push_back(piece_of(part, file));
    } else if (field == 2) {  // TrainerSpec
      Message(part, file).read([&](uint64_t option, uint64_t number, std::string_view) {
        if (option == 3) kind = number;
        if (option == 24) suffix = number != 0;
        if (option == 41) bos = id_of(number);
        if (option == 42) eos = id_of(number);
      });
    } else if (field == 3) {  // NormalizerSpec
      Message(part, file).read([&](uint64_t option, uint64_t number, std::string_view text) {
        if (option == 2) to.charsmap = text;
        if (option == 3) to.prefix_space = number != 0;
        if (option == 4) to.single_spaces = number != 0;
        if (option == 5) escapes = number != 0;
      });
    }
  });
  if (to.pieces.empty())
    throw Error(ErrorCode::bad_file, fmt::format("{}: no pieces in it; is it a SentencePiece model?", file));
  if (kind < 1 || kind > 4)
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: a SentencePiece model of kind {} is not supported", file, kind));
  if (!escapes || suffix)
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: a SentencePiece model with spaces of its own kind is not supported", file));
  to.model = static_cast<PieceModel>(kind);
  for (size_t i = 0; i < to.pieces.size(); ++i)
    if (to.pieces[i].kind == PieceKind::unknown) to.unknown = static_cast<int32_t>(i);
  const auto count = static_cast<int32_t>(to.pieces.size());
  to.bos = bos < count ? bos : -1;
  to.eos = eos < count ? eos : -1;
  TokenizerPlan plan = plan_of_pieces(to, file);
  // What the families do that say nothing more: Llama and its kin begin with bos, T5 ends with eos.
  if (to.model == PieceModel::byte_pairs && plan.bos >= 0) plan.before = {plan.bos};
  if (to.model == PieceModel::unigram && plan.bos < 0 && plan.eos >= 0) plan.after = {plan.eos};
  return plan;
}

}  // namespace stemma
