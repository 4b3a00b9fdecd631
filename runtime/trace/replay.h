// A trace's tokens through the model once more: what was not recorded is computed again, and says so.
#pragma once

#include <functional>

#include "runtime/model/forward.h"
#include "runtime/progress.h"
#include "runtime/trace/trace.h"

namespace stemma {

// After each piece: the workspace holds its values, the cache the keys and values of all tokens before `end`.
using Piece = std::function<void(const Workspace& work, const KeyValueCache& cache, int64_t begin, int64_t end)>;

// Throws Error: a trace longer than the model's context or with tokens it does not have.
void check_tokens(const Model& model, const Trace& trace);
// The same, and for another model than wrote the trace.
void check_replay(const Model& model, const Trace& trace);

// In pieces behind a KV cache: beside the cache, memory does not grow with the trace. Equals one whole forward.
// Throws Error as check_replay, and when cancelled.
void replay(const Model& model, const Trace& trace, const Taps* taps, const Piece& piece, const std::string& stage,
            const Control& control);

}  // namespace stemma
