#include "runtime/trace/generate.h"

#include <algorithm>
#include <list>
#include <optional>

#include "runtime/model/chat_template.h"
#include "runtime/model/decoding.h"
#include "runtime/trace/delimiters.h"
#include "runtime/trace/writing.h"

namespace stemma {
namespace {

// A thought that is opened and closed at once: a model without a chat template answers without one.
constexpr const char* empty_thought = "\n<think></think>";

std::string render(const Model& model, const GenerateRequest& request) {
  const ChatTemplate& chat = *model.chat;
  ChatRequest conversation;
  if (!request.system.empty()) conversation.add("system", request.system);
  conversation.add("user", request.prompt);
  const std::string text = chat.render(conversation);
  if (request.think) return text;
  conversation.variables = thought_switched_off(chat);
  const std::string off = chat.render(conversation);
  if (off != text) return off;  // else it cannot be told, or it is told in vain
  return text + empty_thought_after(text, delimiters_of(*model.tokenizer, &chat, model.config.architecture));
}

// One token for each of them: they share the reading of the weights.
void write_token(const Model& model, Decoding& decoding, std::list<Writing*>& writings) {
  std::vector<int32_t> ids;
  std::vector<KeyValueCache*> caches;
  for (Writing* writing : writings) {
    ids.push_back(writing->last_token());
    caches.push_back(&writing->cache());
  }
  std::vector<Site> sites = sites_of(model.config);
  std::erase_if(sites, [&](Site site) {
    return std::none_of(writings.begin(), writings.end(), [&](Writing* w) { return w->wants(site); });
  });
  const float* scores = decoding.step(ids, caches, sites).data();
  for (size_t i = 0; i < sites.size(); ++i) {
    const float* row = decoding.values(i);
    for (Writing* writing : writings) {
      if (writing->wants(sites[i])) writing->see(sites[i], row, 1);
      row += width_of(model.config, sites[i]);
    }
  }
  for (auto at = writings.begin(); at != writings.end(); scores += model.config.vocabulary)
    at = (*at)->take(scores) ? std::next(at) : writings.erase(at);
}

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

std::vector<Trace> generate(const Model& model, std::span<const GenerateRequest> requests,
                            const std::function<GenerateListener(size_t)>& listen, const Control& control,
                            int together) {
  Workspace work(model, Keep::one_block);
  Decoding decoding(work);
  std::vector<std::unique_ptr<Writing>> all(requests.size());
  std::vector<std::optional<Trace>> traces(requests.size());
  std::list<size_t> going;
  size_t next = 0, read = 0;  // the next request; the latest whose prompt was read
  while (next < requests.size() || !going.empty()) {
    for (; next < requests.size() && going.size() < static_cast<size_t>(together) && !control.cancelled(); ++next) {
      all[next] = std::make_unique<Writing>(model, requests[next], listen(next),
                                            prompt_tokens(model, requests[next], nullptr));
      const bool shares = next > 0 && all[read] && all[next]->shares_prompt_with(*all[read]);
      if (!all[next]->read_prompt(work, control, shares ? all[read].get() : nullptr)) break;
      going.push_back(next);
      // The latest is kept, beside those that go on, for its prompt's keys and values.
      if (traces[read] && read != next) all[read].reset();
      read = next;
    }
    if (control.cancelled()) {
      for (const size_t i : going) traces[i] = all[i]->end("stopped", false);
      break;
    }
    std::list<Writing*> drawn;
    for (const size_t i : going)
      if (all[i]->draw_token()) drawn.push_back(all[i].get());
    std::list<Writing*> writing = drawn;
    if (!writing.empty()) write_token(model, decoding, writing);
    std::erase_if(going, [&](size_t i) {
      if (std::find(writing.begin(), writing.end(), all[i].get()) != writing.end()) return false;
      traces[i] = all[i]->end();
      if (i != read) all[i].reset();
      return true;
    });
  }
  if (control.cancelled() && std::none_of(traces.begin(), traces.end(), [](const auto& t) { return bool(t); }))
    control.check();
  std::vector<Trace> written;
  for (auto& trace : traces)
    if (trace) written.push_back(std::move(*trace));
  return written;
}

Trace generate(const Model& model, const GenerateRequest& request, const GenerateListener& listener, const Control& control) {
  const auto listen = [&](size_t) { return listener; };
  return std::move(generate(model, std::span(&request, 1), listen, control).front());
}

}  // namespace stemma
