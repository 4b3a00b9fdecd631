// One prompt into one session: generation, its running log, its activations, the finished trace. Buttons and commands
// both come through here, so both write the same bytes.
#pragma once

#include "runtime/session/session.h"
#include "runtime/trace/capture_list.h"
#include "runtime/trace/generate.h"

namespace stemma {

// Appends the trace to `session` and saves it to `path`. What `capture` names is recorded to S.activations.h5 while it
// runs, and checked; attention is measured behind it. Returns the new trace's id. A cancelled generation is kept as an
// incomplete trace; a cancel while attention is measured throws, and the trace is kept without it.
std::string capture_run(Session& session, const std::filesystem::path& path, const Model& model, GenerateRequest request,
                        const CaptureChoice& capture, const std::function<void(const Trace&, int32_t)>& tokens,
                        const Control& control);

}  // namespace stemma
