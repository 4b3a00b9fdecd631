#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <memory>

#include "app/commands/command.h"
#include "app/commands/model_size.h"
#include "app/commands/options.h"
#include "app/commands/show.h"
#include "app/commands/terminal.h"
#include "runtime/model/chat_template.h"
#include "runtime/model/files/model_source.h"
#include "runtime/model/load_weights.h"
#include "runtime/model/utf8.h"
#include "runtime/trace/capture_list.h"
#include "runtime/trace/capture_run.h"

namespace stemma {

namespace {

struct GenerateArguments {
  std::string model, prompt, prompts, out, capture = "residual", device = "auto", system, dtype = "auto";
  bool prompt_given = false, no_think = false, dry_run = false, json = false;
  int samples = 1, together = 0;  // 0: as many as are usual and fit
  Sampler sampler;
};

struct Prompt {
  std::string text, id, answer;
};

std::vector<Prompt> read_prompts(const GenerateArguments& options) {
  if (options.prompt_given) return {{options.prompt, "", ""}};
  std::ifstream file(options.prompts);
  if (!file)
    throw Error(ErrorCode::not_found, options.prompts + ": cannot be opened; --prompts wants a file of JSON lines");
  std::vector<Prompt> prompts;
  int64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object() || !json.contains("prompt") || !json["prompt"].is_string())
      throw Error(
          ErrorCode::bad_file,
          fmt::format("{}:{}: no JSON object with a text \"prompt\"; write {{\"prompt\": \"...\", \"id\": \"...\"}}",
                      options.prompts, number));
    std::string id;
    if (json.contains("id")) id = json["id"].is_string() ? json["id"].get<std::string>() : json["id"].dump();
    std::string answer;
    if (json.contains("answer"))
      answer = json["answer"].is_string() ? json["answer"].get<std::string>() : json["answer"].dump();
    prompts.push_back({json["prompt"].get<std::string>(), id, answer});
  }
  if (prompts.empty())
    throw Error(ErrorCode::bad_file, options.prompts + ": holds no prompt; write one JSON object a line");
  return prompts;
}

CaptureChoice read_capture(const std::string& list, const ModelConfig& config) {
  try {
    return read_capture_list(list, config);
  } catch (const Error& error) {
    throw WrongUsage(std::string("--capture: ") + error.what());
  }
}

GenerateRequest request_of(const GenerateArguments& options, const Prompt& prompt, int sample) {
  GenerateRequest request;
  request.prompt = prompt.text;
  request.title = prompt.id;
  request.expected = prompt.answer;
  request.system = options.system;
  request.think = !options.no_think;
  request.sampler = options.sampler;
  request.sampler.seed += static_cast<uint64_t>(sample);
  return request;
}

Dtype dtype_of(const std::string& name) {
  return name == "f32" ? Dtype::f32 : name == "bf16" ? Dtype::bf16 : name == "f16" ? Dtype::f16 : Dtype::automatic;
}

// Traces that are written together, and the memory of their keys and values, also of the latest prompt's, for the next;
// and what the device takes beside these to step through them.
struct Batching {
  int together = 1;
  double cache_bytes = 0, scratch_bytes = 0;
  double bytes() const { return cache_bytes + scratch_bytes; }
};
Batching batching(const GenerateArguments& options, const Model& model, WeightType cached, const Ops& device,
                  size_t traces, int64_t longest, double available) {
  constexpr size_t usual = 8;
  const double each = cache_bytes(model.config, cached, longest);
  const auto of = [&](size_t together) {
    return Batching{
        static_cast<int>(together), each * static_cast<double>(std::min(traces, together + (together > 1))),
        static_cast<double>(device.attention_step_bytes(static_cast<int64_t>(together), longest, model.heads(0)))};
  };
  size_t together = std::min(traces, options.together ? static_cast<size_t>(options.together) : usual);
  while (!options.together && available > 0 && together > 1 && of(together).bytes() > available) --together;
  return of(together);
}

int64_t length_of(const Model& model, const GenerateRequest& request, std::vector<int32_t>& ids, std::string* text) {
  ids = prompt_tokens(model, request, text);
  return std::min<int64_t>(static_cast<int64_t>(ids.size()) + request.sampler.max_tokens, model.config.context);
}

// What a run takes of the device's memory, known before a weight is read.
struct MemoryPlan {
  std::shared_ptr<Ops> device;
  Model model;  // without its weights
  double model_bytes = 0;
  int64_t longest = 0;  // tokens of a trace
  Ops::Memory memory;
  Batching batching;

  double needed() const { return model_bytes + batching.bytes(); }
  std::string sentence() const {
    if (memory.total <= 0) return device->device() + ": needs " + in_bytes(needed());
    return fmt::format("{}: needs {} of {}, {} are free{}", device->device(), in_bytes(needed()), in_bytes(memory.total),
                       in_bytes(memory.free), needed() > memory.free ? "; it does not fit" : "");
  }
};

// Works for a model that would not fit, and for a folder without its weights.
MemoryPlan plan_memory(const GenerateArguments& options, const std::vector<Prompt>& prompts) {
  MemoryPlan plan;
  Model& model = plan.model;
  const ModelFiles files = find_model(options.model);
  if (!options.dry_run && files.gguf.empty()) check_weights_form(files.folder);
  model.config = read_config(files);
  model.path = files.path();
  model.name = files.name;
  model.tokenizer = std::make_shared<Tokenizer>(tokenizer_path(files));
  if (auto chat = chat_template_of(files)) model.chat = std::make_shared<const ChatTemplate>(std::move(*chat));
  const Dtype dtype = dtype_of(options.dtype);
  plan.device = open_device(options.device);
  std::vector<WeightType> types{dtype == Dtype::bf16  ? WeightType::bf16
                                : dtype == Dtype::f16 ? WeightType::f16
                                                      : WeightType::f32};
  plan.model_bytes = weight_bytes(model.config, types.front());
  if (!files.gguf.empty()) {
    const ModelSource source = open_source(files);
    types = loaded_types(source.weights, model.config, *plan.device, dtype);
    plan.model_bytes = loaded_bytes(source.weights, model.config, *plan.device, dtype);
  }
  std::vector<int32_t> ids;
  for (const Prompt& prompt : prompts)
    plan.longest = std::max(plan.longest, length_of(model, request_of(options, prompt, 0), ids, nullptr));
  plan.memory = plan.device->memory();
  plan.batching = batching(options, model, cache_type(types), *plan.device,
                           prompts.size() * static_cast<size_t>(options.samples), plan.longest,
                           std::max(0.0, plan.memory.free - plan.model_bytes));
  return plan;
}

int dry_run(const GenerateArguments& options, const std::vector<Prompt>& prompts) {
  const MemoryPlan memory = plan_memory(options, prompts);
  const Model& model = memory.model;
  const auto capture = read_capture(options.capture, model.config);
  const auto size = size_of(model.config);
  nlohmann::ordered_json plan{{"model", options.model},
                              {"parameters", size.total()},
                              {"model_bytes", memory.model_bytes},
                              {"traces", prompts.size() * static_cast<size_t>(options.samples)},
                              {"prompts", nlohmann::ordered_json::array()}};
  double recorded = 0, width = 0;  // of all sites together
  for (const Site site : capture.sites) width += static_cast<double>(width_of(model.config, site));
  for (const auto& prompt : prompts) {
    std::string text;
    std::vector<int32_t> ids;
    const auto length = length_of(model, request_of(options, prompt, 0), ids, &text);
    recorded += 2.0 * static_cast<double>(length) * width * options.samples;
    plan["prompts"].push_back({{"id", prompt.id}, {"rendered", text}, {"tokens", ids}});
  }
  plan["together"] = memory.batching.together;
  plan["cache_bytes"] = memory.batching.cache_bytes;
  plan["scratch_bytes"] = memory.batching.scratch_bytes;
  plan["device"] = {{"name", memory.device->device()},
                    {"free_bytes", memory.memory.free},
                    {"total_bytes", memory.memory.total}};
  plan["activation_bytes"] = recorded;
  if (options.json) {
    print_json(plan);
    return 0;
  }
  for (const auto& prompt : plan["prompts"]) {
    fmt::print("rendered prompt: {}\n{} tokens:", harmless(prompt["rendered"].get<std::string>()),
               prompt["tokens"].size());
    for (const int32_t id : prompt["tokens"])
      fmt::print(" {}|{}", id, snippet(printable(model.tokenizer->bytes(id)), 40));
    fmt::print("\n");
  }
  fmt::print(
      "model: {} parameters, {} in memory; {} of {} traces together, their keys and values up to {}; "
      "activations on disk up to {}\n",
      in_thousands(size.total()), in_bytes(memory.model_bytes), memory.batching.together, plan["traces"].get<size_t>(),
      in_bytes(memory.batching.cache_bytes), in_bytes(recorded));
  fmt::print("{}\n", memory.sentence());
  return 0;
}

nlohmann::ordered_json facts_of(const Session& session, const Trace& trace, const std::string& prompt_id) {
  nlohmann::ordered_json facts{
      {"trace", trace.id},
      {"prompt_id", prompt_id},
      {"prompt", trace.prompt},
      {"text", trace.text},
      {"answer", answer_of(trace)},
      {"expected", trace.expected.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(trace.expected)},
      {"seed", trace.sampler.seed},
      {"tokens", trace.size()},
      {"prompt_tokens", trace.prompt_tokens},
      {"stop_reason", trace.stop_reason},
      {"completed", trace.completed},
      {"capture_check", check_facts(session, trace)},
      {"steps", nlohmann::ordered_json::array()}};
  for (const auto& step : trace.steps)
    facts["steps"].push_back({{"kind", name_of(step.kind)},
                              {"begin", step.begin},
                              {"end", step.end},
                              {"nats", trace.nats(step)},
                              {"text", trace.step_text(step)}});
  return facts;
}

// News on standard error: the text of one trace as it is written, of several as each ends.
class News {
 public:
  News(const Control& control, const std::vector<GenerateRequest>& requests)
      : control_(control), alone_(requests.size() == 1) {
    for (const GenerateRequest& request : requests) most_ += request.sampler.max_tokens;
  }
  void tokens(const Trace& trace, int32_t from) {
    if (alone_) return show_text(std::string_view(trace.text).substr(trace.token_offsets[static_cast<size_t>(from)]));
    if (from > 0) written_ += trace.size() - from;
    if (control_.report) control_.report({"writing tokens", static_cast<double>(written_), static_cast<double>(most_)});
  }
  void ended(const Trace& trace) {
    most_ -= trace.sampler.max_tokens - (trace.size() - trace.prompt_tokens);
    if (!alone_) control_.tell(trace.text);
    control_.tell(
        fmt::format("[{} · {} tokens · {} steps · {}]", trace.id, trace.size(), trace.steps.size(), trace.stop_reason));
  }

 private:
  const Control& control_;
  const bool alone_;
  int64_t written_ = 0, most_ = 0;
};

int run(const GenerateArguments& options) {
  if (options.samples > 1 && options.sampler.temperature == 0)
    throw WrongUsage("--samples: at temperature 0 every sample is the same; give --temperature above 0");
  const auto prompts = read_prompts(options);
  if (options.dry_run) return dry_run(options, prompts);
  if (options.out.empty()) throw WrongUsage("--out is required: the session file to write, S.h5");
  expect_folder_of(options.out);

  Session session;
  if (session_exists(options.out)) session = open_session(options.out);
  ProgressLine line;
  Control control;
  watch(control, line);
  const MemoryPlan plan = plan_memory(options, prompts);
  const auto capture = read_capture(options.capture, plan.model.config);
  control.tell(plan.sentence());
  const auto model = load_model(options.model, plan.device, dtype_of(options.dtype));
  std::vector<GenerateRequest> requests;
  for (const Prompt& prompt : prompts)
    for (int sample = 0; sample < options.samples; ++sample) requests.push_back(request_of(options, prompt, sample));
  const int together = batching(options, *model, model->weights.cache_type(), *model->ops, requests.size(), plan.longest,
                                model->ops->memory().free)
                           .together;
  News news(control, requests);
  const CaptureListener listener{[&](const Trace& trace, int32_t from) { news.tokens(trace, from); },
                                 [&](const Trace& trace) {
                                   news.ended(trace);
                                   if (!options.json) fmt::print("{}: {}\n", trace.id, snippet(answer_of(trace), 2000));
                                 }};
  const auto ids = capture_runs(session, options.out, *model, requests, capture, listener, control, together);
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (size_t i = 0; i < ids.size(); ++i)
    results.push_back(facts_of(session, *session.find(ids[i]), prompts[i / static_cast<size_t>(options.samples)].id));
  if (options.json) print_json({{"session", options.out}, {"model", model->hash}, {"traces", results}});
  control.check();
  return 0;
}

}  // namespace

Run setup_generate(CLI::App& app) {
  auto options = std::make_shared<GenerateArguments>();
  auto& sampler = options->sampler;
  app.add_option("--model", options->model, "Model: folder, .gguf file, or org/name in the Hugging Face cache")
      ->required()
      ->type_name("DIR");
  auto* prompt = app.add_option("--prompt", options->prompt, "The prompt's text")->type_name("TEXT");
  auto* prompts =
      app.add_option("--prompts", options->prompts,
                     "JSON lines: {\"prompt\": ..., \"id\": ..., \"answer\": ...}; id and answer may be left out")
          ->type_name("FILE");
  prompt->excludes(prompts);
  app.add_option("--system", options->system, "System message, for models with a chat template")->type_name("TEXT");
  app.add_option("--out", options->out, "Session to write; traces are added to one that exists")->type_name("S.h5");
  app.add_option("--capture", options->capture,
                 "Activations to record, separated by commas: names with * (blocks.*.hook_mlp_out, blocks.3.*), "
                 "residual (every hook_resid_post), attention (means from step to step), all, none; the likeliest "
                 "tokens of each place are always recorded")
      ->type_name("LIST");
  app.add_flag("--no-think", options->no_think,
               "The answer without a thought: by the chat template's enable_thinking, else an empty thought is forced");
  app.add_option("--temperature", sampler.temperature, "0: always the most likely token")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--top-p", sampler.top_p, "Draw from the most likely tokens of this total probability")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--top-k", sampler.top_k, "Draw from this many most likely tokens; 0: all")->check(at_least(0));
  app.add_option("--seed", sampler.seed, "Of the draws; each further sample adds one");
  app.add_option("--max-tokens", sampler.max_tokens, "Tokens to write at most")->check(at_least(1));
  app.add_option("--stop", sampler.stop, "Text that ends the generation; may be repeated")->type_name("TEXT");
  app.add_option("--samples", options->samples, "Generations of each prompt")->check(at_least(1));
  app.add_option(
         "--together", options->together,
         "Traces written at once: they share each reading of the weights, samples that of their prompt too, and "
         "16 on a CPU still write what each would alone; 0: 8, or what memory has room for")
      ->check(CLI::Range(0, 1024));
  declare_device(app, options->device);
  app.add_option("--dtype", options->dtype,
                 "How weights are kept: f32, bf16 or f16; auto: f32, but quantised matrices of a GGUF as they are "
                 "stored, which are the same numbers in less memory")
      ->check(CLI::IsMember({"auto", "f32", "bf16", "f16"}));
  app.add_flag("--dry-run", options->dry_run,
               "Print the rendered prompt, its tokens and the memory needed; do nothing");
  declare_json(app, options->json);
  return [options, prompt, prompts] {
    options->prompt_given = prompt->count() > 0;
    if (prompt->count() + prompts->count() == 0)
      throw WrongUsage("--prompt or --prompts is required: what the model is to go on from");
    return run(*options);
  };
}

}  // namespace stemma
