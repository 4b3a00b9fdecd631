#include "runtime/trace/replay.h"

#include <algorithm>

#include "runtime/error.h"

namespace stemma {
namespace {

constexpr int64_t piece_tokens = 128;

}  // namespace

void check_replay(const Model& model, const Trace& trace) {
  const std::string place = "trace " + trace.id;
  if (trace.model_hash != model.hash)
    throw Error(
        ErrorCode::does_not_fit,
        place + ": was written by other weights than those of " + model.path.string() +
            "; only the model that wrote it, its weights rounded as they were then (--dtype), can compute it again");
  check_tokens(model, trace);
}

void check_tokens(const Model& model, const Trace& trace) {
  const std::string place = "trace " + trace.id;
  if (trace.size() > model.config.context)
    throw Error(ErrorCode::does_not_fit, place + ": has more tokens than the model's context; the session is damaged");
  for (const int32_t id : trace.tokens)
    if (id < 0 || id >= model.config.vocabulary)
      throw Error(ErrorCode::bad_file, place + ": holds a token that the model does not have; the session is damaged");
}

void replay(const Model& model, const Trace& trace, const Taps* taps, const Piece& piece, const std::string& stage,
            const Control& control) {
  check_replay(model, trace);
  const int64_t tokens = trace.size();
  Workspace work(model);
  KeyValueCache cache(model, tokens);
  cache.long_text = model.config.long_factors(tokens);  // as the whole text is turned, also in its first pieces
  for (int64_t begin = 0; begin < tokens; begin += piece_tokens) {
    control.say({stage, static_cast<double>(begin), static_cast<double>(tokens)});
    const int64_t end = std::min(tokens, begin + piece_tokens);
    Batch batch;
    batch.add({trace.tokens.begin() + begin, trace.tokens.begin() + end});
    for (int32_t& position : batch.positions) position += static_cast<int32_t>(begin);
    forward(work, batch, &cache, taps);
    piece(work, cache, begin, end);
  }
}

}  // namespace stemma
