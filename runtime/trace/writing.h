// One trace being written: its cache, its random numbers and what is known of its tokens. Internal to generation: who
// writes several together runs the model for them.
#pragma once

#include <array>
#include <memory>

#include "runtime/trace/generate.h"
#include "runtime/trace/sampling.h"

namespace stemma {

class Writing {
 public:
  // `prompt`: the request's, as prompt_tokens has it. References are kept.
  Writing(const Model& model, const GenerateRequest& request, GenerateListener listener, std::vector<int32_t> prompt);

  // Reads the prompt, some hundred tokens at a time; false where it was cancelled. With `before`, which has read the
  // same prompt, its keys, values and numbers are copied instead.
  bool read_prompt(Workspace& work, const Control& control, const Writing* before = nullptr);
  bool shares_prompt_with(const Writing& other) const;

  // Draws the next token; false where the trace has ended.
  bool draw_token();
  // What the model made of it: activations of row `row` as they come, then the logits of what is next, (1,V) on the
  // host. False where the trace has ended.
  void see(Site site, const float* values, int64_t tokens);
  bool take(const float* logits);

  bool wants(Site site) const { return place_of(site) >= 0; }
  KeyValueCache& cache() { return cache_; }
  int32_t last_token() const { return trace_.tokens.back(); }
  Trace end(const char* reason, bool completed);
  Trace end() { return end(reason_, true); }  // of one that has ended by itself

 private:
  using Places = std::array<int, static_cast<size_t>(Hook::final_norm) + 1>;
  int place_of(Site site) const { return place_of_[static_cast<size_t>(site.layer)][static_cast<size_t>(site.hook)]; }
  void append(int32_t id, const Distribution* from);
  void tell(int32_t from);
  bool ends_generated_text(const std::string& text) const;

  const Model& model_;
  const GenerateRequest& request_;
  const GenerateListener listener_;
  const std::vector<int32_t> prompt_;
  Random random_;
  KeyValueCache cache_;
  std::shared_ptr<const Distribution> distribution_, first_;  // of the next token; of the one behind the prompt
  std::vector<Places> place_of_;  // (L) of each hook: its index among the sites asked for, or -1
  const char* reason_ = "";
  Trace trace_;
};

}  // namespace stemma
