// Generation with KV caches: prompts to traces, token by token.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model/forward.h"
#include "runtime/model/model.h"
#include "runtime/progress.h"
#include "runtime/trace/trace.h"

namespace stemma {

struct GenerateRequest {
  std::string prompt;        // what the user says, where the model has a chat template; else raw text that it continues
  std::string system;        // message before it; only for models with a chat template
  bool think = true;         // false: the template is told so, or an empty thought is forced
  Sampler sampler;
  int alternatives = 20;     // K, per token
  std::string trace_id;
  std::string title;         // of the trace; empty: the prompt's first words
  std::string expected;      // the right answer, where it is known: kept with the trace
};

// What happens while it runs, all on the generating thread. Any may be empty.
struct GenerateListener {
  // After each forward: tokens [from, trace.size()) are new, with their log-probabilities. First call: the prompt.
  std::function<void(const Trace& trace, int32_t from)> tokens;
  // Activations asked for: index of the site, values (tokens, width_of the site) on the host.
  std::vector<Site> sites;
  std::function<void(size_t site, const float* values, int64_t tokens)> activation;
  // The activations of the prompt, `tokens` tokens, are those that the trace of this id had. Empty: each is shown its own.
  std::function<void(const std::string& trace_id, int64_t tokens)> prompt_as;
  // The trace is whole, or a cancel ended it; before the next begins in its place.
  std::function<void(const Trace& trace)> ended;
};

// Throws Error: empty prompt, prompt longer than the context. A cancel returns what was written, stop_reason "stopped";
// while the prompt is read it throws. Prompts are read in chunks: memory does not grow with them but for keys and values.
Trace generate(const Model& model, const GenerateRequest& request, const GenerateListener& listener, const Control& control);

// Several, `together` at a time: they share each reading of the weights, and as one ends the next begins. Requests of one
// prompt in a row share its reading too, unless they want activations without `prompt_as`; keys and values are copied,
// each has its own.
// `listen(i)` is asked once, when request i begins. On the CPU up to 16 together write what each would alone, to the last
// bit. Traces come in the order of their requests; a cancel leaves out those whose prompt was not read.
std::vector<Trace> generate(const Model& model, std::span<const GenerateRequest> requests,
                            const std::function<GenerateListener(size_t)>& listen, const Control& control,
                            int together = 8);

// The text that the model is given: the prompt, rendered by the model's chat template where it has one, and an empty
// thought where none is wanted. Throws Error: empty prompt, a template that refuses it, a system message without one.
std::string prompt_text(const Model& model, const GenerateRequest& request);

// The tokens that generate() would start from. `text`, if asked for: prompt_text().
std::vector<int32_t> prompt_tokens(const Model& model, const GenerateRequest& request, std::string* text);

}  // namespace stemma
