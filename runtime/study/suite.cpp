#include "runtime/study/suite.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/trace/generate.h"

namespace stemma {

std::vector<SuitePrompt> read_suite(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw Error(ErrorCode::not_found, file.string() + ": no such file; give a suite of prompts, one JSON object a line");
  std::vector<SuitePrompt> prompts;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const auto object = nlohmann::json::parse(line, nullptr, false);
    try {
      prompts.push_back({object.value("id", std::to_string(number)), object.at("task"), object.at("prompt"),
                         object.at("answer"), object.value("facts", std::vector<std::string>())});
    } catch (const nlohmann::json::exception&) {
      throw Error(ErrorCode::bad_file, file.string() + ":" + std::to_string(number) +
                                           R"(: a prompt needs the texts "task", "prompt" and "answer")");
    }
  }
  if (prompts.empty()) throw Error(ErrorCode::bad_file, file.string() + ": no prompt in it");
  return prompts;
}

std::vector<Outcome> ask(const Model& model, const std::vector<SuitePrompt>& prompts, bool think, const Control& control) {
  std::vector<GenerateRequest> requests;
  for (const SuitePrompt& prompt : prompts) {
    GenerateRequest& request = requests.emplace_back();
    request.prompt = prompt.prompt;
    request.expected = prompt.answer;
    request.think = think;
    request.alternatives = 1;
    request.sampler.max_tokens = 160;
    request.trace_id = prompt.id;
  }
  const auto listen = [&](size_t i) {
    control.say({think ? "asking with a thought" : "asking without a thought", double(i), double(prompts.size())});
    return GenerateListener();
  };
  std::vector<Trace> traces = generate(model, requests, listen, control);
  control.check();
  std::vector<Outcome> outcomes;
  for (size_t i = 0; i < prompts.size(); ++i) {
    Outcome outcome{prompts[i], std::move(traces[i]), false};
    outcome.right = is_right(answer_of(outcome.trace), prompts[i].answer);
    outcomes.push_back(std::move(outcome));
  }
  return outcomes;
}

std::map<std::string, Share> by_task(const std::vector<Outcome>& outcomes) {
  std::map<std::string, Share> shares;
  for (const Outcome& outcome : outcomes) {
    Share& share = shares[outcome.asked.task];
    share.right += outcome.right;
    ++share.of;
  }
  return shares;
}

}  // namespace stemma
