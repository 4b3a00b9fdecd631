// Prompts into a session: generation, its running log, its activations, the finished traces. Buttons and commands both
// come through here, so both write the same bytes.
#pragma once

#include "runtime/session/session.h"
#include "runtime/trace/capture_list.h"
#include "runtime/trace/generate.h"

namespace stemma {

// News while it runs, on the calling thread. Any may be empty.
struct CaptureListener {
  std::function<void(const Trace& trace, int32_t from)> tokens;  // as a GenerateListener's
  std::function<void(const Trace& trace)> ended;                 // the trace is whole, and safe from a kill
};

// Writes a trace for each request, `together` at a time, and saves the session to `path` as they end: at once where
// that was long ago, else behind those that follow, their lines in the running log meanwhile. What `capture` names is
// recorded to S.activations.h5 while they run, and checked; attention is measured behind them. Traces stand in the
// session in the order of their requests; on the CPU up to 16 together are what one at a time would be. Returns their
// ids: after a cancel those of the first requests, which had begun and are kept as incomplete traces. A cancel before
// that throws, and while attention is measured: then traces are kept without it.
std::vector<std::string> capture_runs(Session& session, const std::filesystem::path& path, const Model& model,
                                      std::vector<GenerateRequest> requests, const CaptureChoice& capture,
                                      const CaptureListener& listener, const Control& control, int together);

// The same of one.
std::string capture_run(Session& session, const std::filesystem::path& path, const Model& model, GenerateRequest request,
                        const CaptureChoice& capture, const std::function<void(const Trace&, int32_t)>& tokens,
                        const Control& control);

}  // namespace stemma
