#include "runtime/trace/writing.h"

#include <algorithm>

#include "runtime/model/utf8.h"
#include "runtime/program.h"
#include "runtime/trace/delimiters.h"
#include "runtime/trace/labels.h"
#include "runtime/trace/steps.h"

namespace stemma {
namespace {

constexpr int64_t chunk_tokens = 512;  // of the prompt, read at once
constexpr int64_t logit_rows = 64;     // of it, held at once

std::string first_words(const std::string& prompt) {
  std::string line = prompt.substr(0, prompt.find('\n'));
  if (line.size() <= 60) return line;
  const size_t space = line.rfind(' ', 57);
  return line.substr(0, space == std::string::npos ? 57 : space) + "...";
}

int64_t room_of(const Model& model, const GenerateRequest& request, size_t prompt) {
  return std::min<int64_t>(model.config.context, static_cast<int64_t>(prompt) + request.sampler.max_tokens);
}

// The logits of rows of hidden, on the host, (n,V).
std::vector<float> logits_of(const Model& model, Tensor hidden) {
  Buffer buffer(model.ops, hidden.rows, model.config.vocabulary);
  logits(model, hidden, buffer);
  std::vector<float> host(static_cast<size_t>(buffer.view().size()));
  buffer.download(host.data());
  return host;
}

}  // namespace

Writing::Writing(const Model& model, const GenerateRequest& request, GenerateListener listener,
                 std::vector<int32_t> prompt)
    : model_(model),
      request_(request),
      listener_(std::move(listener)),
      prompt_(std::move(prompt)),
      random_(request.sampler.seed),
      cache_(model, room_of(model, request, prompt_.size())) {
  place_of_.assign(static_cast<size_t>(model.config.layers), {});
  for (auto& layer : place_of_) layer.fill(-1);
  for (size_t i = 0; i < listener_.sites.size(); ++i)
    if (listener_.activation)
      place_of_[static_cast<size_t>(listener_.sites[i].layer)][static_cast<size_t>(listener_.sites[i].hook)] =
          static_cast<int>(i);
  trace_.id = request.trace_id;
  trace_.title = request.title.empty() ? first_words(request.prompt) : request.title;
  trace_.model_hash = model.hash;
  trace_.prompt = request.prompt;
  trace_.expected = request.expected;
  trace_.system = request.system;
  trace_.sampler = request.sampler;
  trace_.created = now_utc();
  trace_.device = model.ops->device();
  if (const Delimiters own =
          delimiters_of(*model.tokenizer, model.chat ? &*model.chat : nullptr, model.config.architecture);
      own.row)
    trace_.thought_start = own.row->start;
  trace_.alternatives = std::min(request.alternatives, model.config.vocabulary);
  trace_.token_offsets = {0};
  trace_.prompt_tokens = static_cast<int32_t>(prompt_.size());
}

bool Writing::shares_prompt_with(const Writing& other) const {
  const bool sees = !listener_.activation || (listener_.prompt_as && listener_.sites == other.listener_.sites);
  return prompt_ == other.prompt_ && trace_.alternatives == other.trace_.alternatives && sees && !cache_.long_text &&
         !other.cache_.long_text;
}

bool Writing::read_prompt(Workspace& work, const Control& control, const Writing* before) {
  const auto tokens = static_cast<int64_t>(prompt_.size());
  if (before) {
    cache_.begin_as(before->cache_, tokens);
    distribution_ = first_ = before->first_;
    const Trace& known = before->trace_;
    const auto first = [](const auto& all, int64_t count) { return std::decay_t<decltype(all)>(all.begin(), all.begin() + count); };
    trace_.tokens = prompt_;
    trace_.token_offsets = first(known.token_offsets, tokens + 1);
    trace_.text = known.text.substr(0, trace_.token_offsets.back());
    trace_.logprob = first(known.logprob, tokens);
    trace_.entropy = first(known.entropy, tokens);
    trace_.top_ids = first(known.top_ids, tokens * known.alternatives);
    trace_.top_logprobs = first(known.top_logprobs, tokens * known.alternatives);
    trace_.top_texts = first(known.top_texts, tokens * known.alternatives);
    if (listener_.activation) listener_.prompt_as(known.id, tokens);
    tell(0);
    return true;
  }
  std::vector<float> host;
  const Taps taps{[&](Site site) { return wants(site); },
                  [&](Site site, Tensor value) {
                    host.resize(static_cast<size_t>(value.size()));
                    model_.ops->download(host.data(), value.data, sizeof(float) * host.size());
                    see(site, host.data(), value.rows);
                  }};
  cache_.long_text = model_.config.long_factors(tokens);  // as the whole text is turned, also in its first chunks
  append(prompt_[0], nullptr);
  for (int64_t begin = 0; begin < tokens; begin += chunk_tokens) {
    if (control.cancelled()) return false;
    if (tokens > chunk_tokens && control.report)
      control.report({"Reading the prompt", static_cast<double>(begin), static_cast<double>(tokens)});
    const int64_t end = std::min(tokens, begin + chunk_tokens);
    Batch batch;
    batch.add({prompt_.begin() + begin, prompt_.begin() + end});
    for (int32_t& position : batch.positions) position += static_cast<int32_t>(begin);
    const Tensor hidden = forward(work, batch, &cache_, &taps);
    for (int64_t row = 0; row < hidden.rows; row += logit_rows) {
      const int64_t last = std::min(hidden.rows, row + logit_rows);
      const std::vector<float> scores = logits_of(model_, hidden.slice(row, last));
      for (int64_t n = row; n < last; ++n) {
        distribution_ = std::make_shared<const Distribution>(
            scores.data() + (n - row) * model_.config.vocabulary, model_.config.vocabulary);
        if (begin + n + 1 < tokens) append(prompt_[static_cast<size_t>(begin + n + 1)], distribution_.get());
      }
    }
  }
  first_ = distribution_;
  tell(0);
  return true;
}

bool Writing::draw_token() {
  const int64_t count = trace_.size() - trace_.prompt_tokens;
  reason_ = "";
  if (count >= request_.sampler.max_tokens)
    reason_ = "max tokens";
  else if (trace_.size() >= model_.config.context)
    reason_ = "context full";
  if (*reason_) return false;
  const int32_t next = draw(*distribution_, request_.sampler, random_);
  if (model_.config.ends_text(next)) {
    reason_ = "end of text";
    return false;
  }
  append(next, distribution_.get());
  return true;
}

void Writing::see(Site site, const float* values, int64_t tokens) {
  listener_.activation(static_cast<size_t>(place_of(site)), values, tokens);
}

bool Writing::take(const float* logits) {
  distribution_ = std::make_shared<const Distribution>(logits, model_.config.vocabulary);
  tell(trace_.size() - 1);
  for (const std::string& text : request_.sampler.stop)
    if (!text.empty() && ends_generated_text(text)) {
      reason_ = "stop text";
      return false;
    }
  return true;
}

void Writing::append(int32_t id, const Distribution* from) {
  trace_.tokens.push_back(id);
  // The bos that the tokenizer adds is no text of the prompt; the one that a chat template writes is.
  if (model_.chat || trace_.size() > 1 || id != model_.tokenizer->bos()) trace_.text += model_.tokenizer->bytes(id);
  trace_.token_offsets.push_back(static_cast<uint32_t>(trace_.text.size()));
  trace_.logprob.push_back(from ? from->logprobs[static_cast<size_t>(id)] : no_value);
  trace_.entropy.push_back(from ? from->entropy : no_value);
  const auto top = from ? from->top(trace_.alternatives) : std::vector<std::pair<int32_t, float>>();
  for (size_t k = 0; k < static_cast<size_t>(trace_.alternatives); ++k) {
    const bool there = k < top.size();
    trace_.top_ids.push_back(there ? top[k].first : -1);
    trace_.top_logprobs.push_back(there ? top[k].second : no_value);
    trace_.top_texts.push_back(there ? printable(model_.tokenizer->bytes(top[k].first)) : "");
  }
}

bool Writing::ends_generated_text(const std::string& text) const {
  const size_t start = trace_.token_offsets[static_cast<size_t>(trace_.prompt_tokens)];
  return trace_.text.size() - start >= text.size() && trace_.text.ends_with(text);
}

void Writing::tell(int32_t from) {
  trace_.steps = split_steps(trace_);
  if (listener_.tokens) listener_.tokens(trace_, from);
}

Trace Writing::end(const char* reason, bool completed) {
  trace_.stop_reason = reason;
  trace_.completed = completed;
  trace_.steps = split_steps(trace_);
  label_steps(trace_);
  if (listener_.ended) listener_.ended(trace_);
  return trace_;  // not moved: the next of the same prompt may begin as this one did
}

}  // namespace stemma
