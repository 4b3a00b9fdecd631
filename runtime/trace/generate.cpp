#include "runtime/trace/generate.h"

#include <array>
#include <cmath>
#include <limits>

#include "runtime/model/chat_template.h"
#include "runtime/model/utf8.h"
#include "runtime/program.h"
#include "runtime/trace/delimiters.h"
#include "runtime/trace/labels.h"
#include "runtime/trace/sampling.h"
#include "runtime/trace/steps.h"

namespace stemma {
namespace {

constexpr float not_measured = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t logit_rows = 64;  // of the prompt, held at once

// A thought that is opened and closed at once: a model without a chat template answers without one.
constexpr const char* empty_thought = "\n<think></think>";

Delimiters delimiters_of(const Model& model) {
  return delimiters_of(*model.tokenizer, model.chat ? &*model.chat : nullptr, model.config.architecture);
}

std::string render(const Model& model, const GenerateRequest& request) {
  const ChatTemplate& chat = *model.chat;
  ChatRequest conversation;
  if (!request.system.empty()) conversation.add("system", request.system);
  conversation.add("user", request.prompt);
  bool told = request.think;
  for (const char* variable : {"enable_thinking", "thinking"})
    if (!request.think && chat.reads(variable)) {
      conversation.variables[variable] = false;
      told = true;
    }
  std::string text = chat.render(conversation);
  if (!told) text += empty_thought_after(text, delimiters_of(model));
  return text;
}

std::string first_words(const std::string& prompt) {
  std::string line = prompt.substr(0, prompt.find('\n'));
  if (line.size() <= 60) return line;
  const size_t space = line.rfind(' ', 57);
  return line.substr(0, space == std::string::npos ? 57 : space) + "...";
}

// The trace in hand, its model and cache.
class Generation {
 public:
  Generation(const Model& model, const GenerateRequest& request, const GenerateListener& listener)
      : model_(model), request_(request), listener_(listener), work_(model), random_(request.sampler.seed) {
    place_of_.assign(static_cast<size_t>(model.config.layers), {});
    for (auto& layer : place_of_) layer.fill(-1);
    for (size_t i = 0; i < listener.sites.size(); ++i)
      if (listener.activation) place_of(listener.sites[i]) = static_cast<int>(i);
    trace_.id = request.trace_id;
    trace_.title = first_words(request.prompt);
    trace_.model_hash = model.hash;
    trace_.prompt = request.prompt;
    trace_.expected = request.expected;
    trace_.system = request.system;
    trace_.sampler = request.sampler;
    trace_.created = now_utc();
    trace_.device = model.ops->device();
    if (const Delimiters own = delimiters_of(model); own.row) trace_.thought_start = own.row->start;
    trace_.alternatives = std::min(request.alternatives, model.config.vocabulary);
    trace_.token_offsets = {0};
  }

  Trace run(const Control& control) {
    const std::vector<int32_t> prompt = prompt_tokens(model_, request_, nullptr);
    const int64_t room = model_.config.context - static_cast<int64_t>(prompt.size());
    cache_ = std::make_unique<KeyValueCache>(model_, std::min<int64_t>(model_.config.context, static_cast<int64_t>(prompt.size()) + request_.sampler.max_tokens));
    trace_.prompt_tokens = static_cast<int32_t>(prompt.size());
    append(prompt[0], nullptr);
    feed_prompt(prompt);
    tell(0);
    for (int count = 0;; ++count) {
      if (control.cancelled()) return stop("stopped", false);
      if (count >= request_.sampler.max_tokens) return stop("max tokens", true);
      if (count >= room) return stop("context full", true);
      const int32_t next = draw(*distribution_, request_.sampler, random_);
      if (ends_turn(next)) return stop("end of text", true);
      append(next, distribution_.get());
      feed({next});
      tell(trace_.size() - 1);
      for (const std::string& text : request_.sampler.stop)
        if (!text.empty() && ends_generated_text(text)) return stop("stop text", true);
    }
  }

 private:
  void append(int32_t id, const Distribution* from) {
    trace_.tokens.push_back(id);
    // The bos that the tokenizer adds is no text of the prompt; the one that a chat template writes is.
    if (model_.chat || trace_.size() > 1 || id != model_.tokenizer->bos()) trace_.text += model_.tokenizer->bytes(id);
    trace_.token_offsets.push_back(static_cast<uint32_t>(trace_.text.size()));
    trace_.logprob.push_back(from ? from->logprobs[id] : not_measured);
    trace_.entropy.push_back(from ? from->entropy : not_measured);
    const auto top = from ? from->top(trace_.alternatives) : std::vector<std::pair<int32_t, float>>();
    for (int k = 0; k < trace_.alternatives; ++k) {
      const bool there = k < static_cast<int>(top.size());
      trace_.top_ids.push_back(there ? top[k].first : -1);
      trace_.top_logprobs.push_back(there ? top[k].second : not_measured);
      trace_.top_texts.push_back(there ? printable(model_.tokenizer->bytes(top[k].first)) : "");
    }
  }

  // Runs the model over new tokens; rows of hidden come back, and the activations asked for are handed out.
  Tensor feed_rows(const std::vector<int32_t>& ids) {
    Batch batch;
    batch.add(ids);
    for (int32_t& position : batch.positions) position += static_cast<int32_t>(cache_->length);
    const Taps taps{[&](Site site) { return place_of(site) >= 0; },
                    [&](Site site, Tensor value) {
                      host_.resize(static_cast<size_t>(value.size()));
                      model_.ops->download(host_.data(), value.data, sizeof(float) * host_.size());
                      listener_.activation(static_cast<size_t>(place_of(site)), host_.data(), value.rows);
                    }};
    return forward(work_, batch, cache_.get(), &taps);
  }
  void feed(const std::vector<int32_t>& ids) {
    const Tensor hidden = feed_rows(ids);
    distribution_ = std::make_unique<Distribution>(logits(hidden.slice(hidden.rows - 1, hidden.rows)).data(), model_.config.vocabulary);
  }
  void feed_prompt(const std::vector<int32_t>& prompt) {
    const Tensor hidden = feed_rows(prompt);
    for (int64_t begin = 0; begin < hidden.rows; begin += logit_rows) {
      const int64_t end = std::min(hidden.rows, begin + logit_rows);
      const std::vector<float> rows = logits(hidden.slice(begin, end));
      for (int64_t n = begin; n < end; ++n) {
        distribution_ = std::make_unique<Distribution>(rows.data() + (n - begin) * model_.config.vocabulary, model_.config.vocabulary);
        if (n + 1 < hidden.rows) append(prompt[n + 1], distribution_.get());
      }
    }
  }
  std::vector<float> logits(Tensor hidden) {
    Buffer buffer(model_.ops, hidden.rows, model_.config.vocabulary);
    stemma::logits(model_, hidden, buffer);
    std::vector<float> host(static_cast<size_t>(buffer.view().size()));
    buffer.download(host.data());
    return host;
  }
  int& place_of(Site site) { return place_of_[static_cast<size_t>(site.layer)][static_cast<size_t>(site.hook)]; }
  // A chat ends with the token that its tokenizer names, which need not be the one that the config does.
  bool ends_turn(int32_t id) const {
    return model_.config.ends_text(id) || (model_.chat && id == model_.tokenizer->eos());
  }
  bool ends_generated_text(const std::string& text) const {
    const size_t start = trace_.token_offsets[trace_.prompt_tokens];
    return trace_.text.size() - start >= text.size() && trace_.text.ends_with(text);
  }
  void tell(int32_t from) {
    trace_.steps = split_steps(trace_);
    if (listener_.tokens) listener_.tokens(trace_, from);
  }
  Trace stop(const char* reason, bool completed) {
    trace_.stop_reason = reason;
    trace_.completed = completed;
    trace_.steps = split_steps(trace_);
    label_steps(trace_);
    return std::move(trace_);
  }

  const Model& model_;
  const GenerateRequest& request_;
  const GenerateListener& listener_;
  Workspace work_;
  Random random_;
  std::unique_ptr<KeyValueCache> cache_;
  std::unique_ptr<Distribution> distribution_;  // of the next token
  // (L) of each hook: its index among the sites asked for, or -1. Looked up for every site of every token.
  std::vector<std::array<int, static_cast<size_t>(Hook::final_norm) + 1>> place_of_;
  std::vector<float> host_;
  Trace trace_;
};

}  // namespace

std::string prompt_text(const Model& model, const GenerateRequest& request) {
  if (request.prompt.find_first_not_of(" \t\r\n") == std::string::npos)
    throw Error(ErrorCode::usage, "the prompt is empty; write what the model should continue");
  if (model.chat) return render(model, request);
  if (!request.system.empty())
    throw Error(ErrorCode::unsupported,
                model.path.string() + ": a prompt goes to the model as it is, without a chat template, so there is no place for --system; "
                                      "write its text at the head of the prompt");
  return request.prompt + (request.think ? "" : empty_thought);
}

std::vector<int32_t> prompt_tokens(const Model& model, const GenerateRequest& request, std::string* text) {
  const std::string full = prompt_text(model, request);
  std::vector<int32_t> ids = model.tokenizer->encode(full);
  if (!model.chat && model.tokenizer->adds_bos() && model.tokenizer->bos() >= 0)
    ids.insert(ids.begin(), model.tokenizer->bos());
  if (static_cast<int64_t>(ids.size()) >= model.config.context)
    throw Error(ErrorCode::does_not_fit, "the prompt has " + std::to_string(ids.size()) + " tokens and the model's context is " +
                                             std::to_string(model.config.context) + "; shorten the prompt");
  if (text) *text = full;
  return ids;
}

Trace generate(const Model& model, const GenerateRequest& request, const GenerateListener& listener, const Control& control) {
  return Generation(model, request, listener).run(control);
}

}  // namespace stemma
