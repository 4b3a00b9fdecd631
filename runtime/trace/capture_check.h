// Whether what was recorded is what the model computed with.
#pragma once

#include "runtime/model/model.h"
#include "runtime/progress.h"
#include "runtime/session/session.h"

namespace stemma {

// Reads the last layer's residual stream back from the session's activations, puts it through final norm and
// unembedding, and compares with the log-probabilities of the trace's tokens. Nothing (tokens = 0) where that site was
// not recorded; a cancel ends it with the tokens compared so far. On the thread that recorded.
CaptureCheck check_capture(const Model& model, const Trace& trace, const std::filesystem::path& session,
                           const std::vector<std::string>& sites, const Control& control);

// "the recorded last residual gives back the log-probabilities of 512 tokens within 0.0031 nats, ..."
std::string words_of(const CaptureCheck& check);

}  // namespace stemma
