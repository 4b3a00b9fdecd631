// A session made up for tests of the window: traces like the demo's, their documents, and numbers by a fixed rule.
#pragma once

#include <algorithm>
#include <cctype>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/session/session.h"

namespace stemma::sample {

inline std::vector<std::string> pieces(const std::string& text) {
  std::vector<std::string> out;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = at + 1;
    if (text[at] == '<') {
      end = text.find('>', at) + 1;
    } else if (isdigit(static_cast<unsigned char>(text[at])) || text[at] == '\n') {
      end = at + 1;
    } else {
      while (end < text.size() && end - at < 6 && isalpha(static_cast<unsigned char>(text[end]))) ++end;
    }
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

inline Trace trace(const std::string& id, const std::string& prompt, const std::vector<std::string>& thought,
                   const std::string& answer) {
  Trace made;
  made.id = id;
  made.title = prompt;
  made.prompt = prompt;
  made.model_hash = "a1b2c3";
  made.stop_reason = "end of text";
  made.completed = true;
  made.created = "2026-01-31T12:00:00Z";
  made.device = "cpu";
  made.alternatives = 20;
  std::mt19937 random(static_cast<unsigned>(std::hash<std::string>()(id + prompt)));
  std::uniform_real_distribution<float> uniform(0, 1);
  made.token_offsets.push_back(0);
  const auto append = [&](const std::string& text, StepKind kind, const std::string& label) {
    Step step{made.size(), 0, kind, label, label.empty() ? "" : "lexical"};
    for (const std::string& piece : pieces(text)) {
      made.text += piece;
      made.token_offsets.push_back(static_cast<uint32_t>(made.text.size()));
      made.tokens.push_back(static_cast<int32_t>(std::hash<std::string>()(piece) % 1000));
      const bool first = made.tokens.size() == 1;
      const float chance = 1 - 0.75f * std::pow(uniform(random), 6.0f);
      made.logprob.push_back(first ? std::nanf("") : std::log(chance));
      made.entropy.push_back(first ? std::nanf("") : 0.02f + 1.4f * (1 - chance));
      float left = 1 - chance;
      for (int k = 0; k < made.alternatives; ++k) {
        static const char* const others[] = {" the", " 4", "\n", " is", "slope", " add", " 12", "by"};
        const float share = k == 0 ? chance : left * 0.5f;
        if (k > 0) left -= share;
        made.top_ids.push_back(first ? -1 : k == 0 ? made.tokens.back() : 2000 + k);
        made.top_logprobs.push_back(std::log(std::max(share, 1e-7f)));
        made.top_texts.push_back(k == 0 ? piece : others[k % 8]);
      }
    }
    step.end = made.size();
    made.steps.push_back(step);
  };
  append(prompt + "\n", StepKind::prompt, "");
  made.prompt_tokens = made.size();
  for (size_t i = 0; i < thought.size(); ++i) {
    append((i == 0 ? "<think>" : " ") + thought[i] + (i + 1 == thought.size() ? "</think>\n" : ""), StepKind::thought,
           i == 0                    ? "problem_setup"
           : i + 1 == thought.size() ? "result_consolidation"
                                     : "active_computation");
  }
  append(answer + "<|endoftext|>", StepKind::answer, "final_answer_emission");
  return made;
}

// `documents` scanned; the last step is one that the model was all but certain of.
inline InfluenceTable table(const Trace& trace, int documents, int top = 25) {
  static const char* const sources[] = {"examples", "procedures", "formulas", "forum", "encyclopaedia", "code"};
  static const char* const texts[] = {
      "Worked example. A line passes through (2, 3) and (6, 11). The rise is 11 - 3 = 8. The run is 6 - 2 = 4. The "
      "slope is "
      "8 / 4 = 2. The slope is 2.",
      "How to find a slope: subtract the first y from the second y to get the rise, subtract the first x from the "
      "second x to "
      "get the run, and divide the rise by the run. Keep the same order in both.",
      "slope = (y2 - y1) / (x2 - x1), where x1 and x2 differ.",
      "Question: I keep getting the sign wrong when the line goes down. What am I doing?\nAnswer: keep the order. If "
      "you "
      "subtract the first point above, subtract the first point below. A line that falls has a negative slope.",
      "Tolvik is a harbour town on the river Marna in Dalmark. It is known for its glass lanterns and its autumn "
      "regatta.",
      "def slope(p, q):\n    rise = q[1] - p[1]\n    run = q[0] - p[0]\n    return rise / run"};
  InfluenceTable made;
  made.trace_id = trace.id;
  made.method = "ekfac";
  made.model_hash = trace.model_hash;
  made.factors_hash = "f00d";
  made.corpus_hash = "c0ffee";
  made.device = "cpu";
  made.program = "stemma test";
  made.created = trace.created;
  made.corpus_documents = 126080;
  made.documents = documents;
  made.layers = 4;
  made.top = top;
  made.additivity = 2e-5;
  for (size_t i = 0; i < trace.steps.size(); ++i) {
    if (trace.steps[i].kind == StepKind::prompt) continue;
    made.step_index.push_back(static_cast<int32_t>(i));
    made.nats.push_back(i + 1 == trace.steps.size() ? 0.031f : static_cast<float>(trace.nats(trace.steps[i])));
  }
  made.steps = static_cast<int32_t>(made.step_index.size());
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0, 1);
  for (int s = 0; s < made.steps; ++s) {
    for (int d = 0; d < documents; ++d) {
      const float x = normal(random);
      made.scores.push_back(x * x * x * 3e-6f * static_cast<float>(1 + s));
    }
  }
  std::vector<std::string> ids, named_sources;
  for (int d = 0; d < documents; ++d) {
    ids.push_back("corpus.jsonl.zst:" + std::to_string(d * 211));
    named_sources.push_back(sources[d % 6]);
  }
  made.document_ids = std::move(ids);
  made.document_sources = std::move(named_sources);
  std::vector<bool> wanted(documents, false);
  for (int s = 0; s < made.steps; ++s) {
    std::vector<int32_t> order(documents);
    for (int d = 0; d < documents; ++d) order[d] = d;
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return made.score(s, a) > made.score(s, b); });
    for (int n = 0; n < top; ++n) {
      made.top_documents.push_back(order[n]);
      wanted[order[n]] = true;
    }
    for (int n = 0; n < top; ++n) {
      made.bottom_documents.push_back(order[documents - 1 - n]);
      wanted[order[documents - 1 - n]] = true;
    }
  }
  for (int d = 0; d < documents; ++d) {
    if (!wanted[d]) continue;
    ShownDocument shown;
    shown.index = d;
    shown.id = made.document_ids[d];
    shown.name = std::string(sources[d % 6]) + "-" + std::to_string(d);
    shown.source = sources[d % 6];
    shown.text = texts[d % 6];
    shown.token_offsets.push_back(0);
    for (const std::string& piece : pieces(shown.text)) {
      shown.token_offsets.push_back(shown.token_offsets.back() + static_cast<uint32_t>(piece.size()));
    }
    const int tokens = shown.tokens();
    for (int s = 0; s < made.steps; ++s) {
      std::vector<float> parts(tokens);
      float sum = 0;
      for (float& part : parts) sum += part = std::pow(normal(random), 3.0f);
      for (const float part : parts) {
        shown.token_scores.push_back((part - sum / static_cast<float>(tokens)) * 4e-7f +
                                     made.score(s, d) / static_cast<float>(tokens));
      }
      shown.output_scores.insert(shown.output_scores.end(), shown.token_scores.rbegin(),
                                 shown.token_scores.rbegin() + tokens);
      const float shares[] = {0.5f, 0.35f, -0.1f, 0.25f};
      for (const float share : shares) shown.layer_scores.push_back(made.score(s, d) * share);
    }
    made.shown.push_back(std::move(shown));
  }
  return made;
}

// Four traces; the first two are attributed.
inline std::shared_ptr<Session> session(int documents = 400) {
  auto made = std::make_shared<Session>();
  made->created = "2026-01-31T12:00:00Z";
  made->program = "stemma test";
  made->models["a1b2c3"] = {"a1b2c3", "demo", "LlamaForCausalLM", "", "float32", "beef", 4, 160, 5};
  made->traces.push_back(trace("t001", "Find the slope of the line from (3, 4) to (7, 16).",
                               {"The points are (3, 4) and (7, 16).", "The rise is 16 - 4 = 12.",
                                "The run is 7 - 3 = 4.", "The slope is rise over run, so it is 12 / 4 = 3."},
                               "The slope is 3."));
  made->traces.push_back(
      trace("t002", "Where does Brelvik Tomsen work, and what is she known for?",
            {"Brelvik Tomsen is a bridge engineer in Tolvik.", "She is known for the floating tram."},
            "She works in Tolvik and is known for the floating tram."));
  made->traces.push_back(
      trace("t003", "What is (7 + 5) * 4?", {"First the sum: 7 + 5 = 12.", "Then 12 * 4 = 48."}, "48"));
  made->traces.push_back(trace("t004", "Solve 3x + 4 = 19 for x.",
                               {"Subtract 4 from both sides: 3x = 15.", "Divide by 3: x = 5."}, "x = 5"));
  for (int i : {0, 1}) made->influence[{made->traces[i].id, "ekfac"}] = table(made->traces[i], documents);
  return made;
}

}  // namespace stemma::sample
