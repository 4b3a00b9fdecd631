#include "runtime/train/train.h"

#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/clock.h"
#include "runtime/model/files/hash.h"
#include "runtime/program.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/schedule.h"
#include "runtime/train/training_record.h"

namespace stemma {
namespace {

constexpr int record_every = 10;  // steps per point of the curve

// A model being trained, its optimiser, and one step of it.
class Trainer {
 public:
  Trainer(const TrainConfig& config, const Corpus& corpus, std::shared_ptr<Ops> ops, const Control& control)
      : config_(config) {
    auto tokenizer = std::make_shared<Tokenizer>(config.tokenizer);
    model_.config = config.model;
    model_.config.vocabulary = tokenizer->size();
    model_.config.bos = tokenizer->bos();
    model_.config.eos = tokenizer->eos();
    model_.ops = ops;
    model_.tokenizer = tokenizer;
    for (size_t i = 0; i < corpus.documents.size(); ++i) {
      auto tokens = document_tokens(*tokenizer, corpus.documents[i].text, model_.config.context);
      if (tokens.size() > 1) documents_.push_back(std::move(tokens));
      if (i % 4096 == 0) control.say({"reading the documents", double(i), double(corpus.documents.size())});
    }
    schedule_ = std::make_unique<Schedule>(config_, documents_);
    model_.weights = Weights(model_.config, ops);
    gradients_ = Weights(model_.config, ops);
    first_ = Weights(model_.config, ops);
    second_ = Weights(model_.config, ops);
    make_rope_tables(model_);
    work_ = std::make_unique<Workspace>(model_);
    initialise();
    Hasher hasher;
    hasher.add(corpus.hash);
    hasher.add(tokenizer->hash());
    hasher.add(settings().dump());
    fingerprint_ = hasher.hex();
  }

  const Schedule& schedule() const { return *schedule_; }
  Model& model() { return model_; }
  const std::string& fingerprint() const { return fingerprint_; }
  std::string device() const { return model_.ops->device(); }
  int64_t parameters() const { return model_.weights.flat().view().size(); }
  int64_t corpus_tokens() const {
    int64_t sum = 0;
    for (const auto& document : documents_) sum += static_cast<int64_t>(document.size());
    return sum;
  }

  nlohmann::json settings() const {
    const ModelConfig& m = config_.model;
    return {{"passes", config_.passes}, {"batch_tokens", config_.batch_tokens}, {"accumulation", config_.accumulation},
            {"rate", config_.rate}, {"final_rate", config_.final_rate}, {"warmup", config_.warmup},
            {"beta1", config_.beta1}, {"beta2", config_.beta2}, {"epsilon", config_.epsilon}, {"decay", config_.decay},
            {"clip", config_.clip}, {"seed", config_.seed},
            {"model", {{"layers", m.layers}, {"width", m.width}, {"heads", m.heads},
                       {"key_value_heads", m.key_value_heads}, {"mlp_width", m.mlp_width}, {"context", m.context},
                       {"rope_theta", m.rope_theta}, {"norm_epsilon", m.norm_epsilon},
                       {"initializer_range", m.initializer_range}, {"tied", m.tied}}}};
  }

  TrainPoint step(int64_t index) {
    Ops& ops = *model_.ops;
    ops.zero(gradients_.flat().view().data, gradients_.flat().bytes());
    const auto parts = schedule_->parts(index);
    int64_t labels = 0;
    for (const auto& part : parts)
      for (const int32_t d : part) labels += static_cast<int64_t>(documents_[d].size()) - 1;
    double nats = 0;
    for (const auto& part : parts) {
      LabelledBatch labelled;
      for (const int32_t d : part) labelled.add(documents_[d]);
      const Batch& batch = labelled.batch;
      const Tensor hidden = forward(*work_, batch);
      if (hidden_gradient_.view().rows < batch.size()) hidden_gradient_ = Buffer(model_.ops, batch.size(), model_.config.width);
      const Tensor top = hidden_gradient_.view().slice(0, batch.size());
      loss(model_, hidden, labelled.targets, {.weight = 1.0f / static_cast<float>(labels)}, losses_, top, gradients_.unembedding);
      backward(*work_, batch, top, &gradients_, nullptr);
      for (const float value : losses_) nats += value;
    }
    const double norm = std::sqrt(ops.sum_of_squares(gradients_.flat().view()));
    if (!std::isfinite(norm))
      throw Error(ErrorCode::unsupported, "training diverged at step " + std::to_string(index) + " (the gradient is not finite); lower 'rate'");
    const double rate = schedule_->rate(index);
    if (config_.clip > 0 && norm > config_.clip) {
      const Tensor g = gradients_.flat().view();
      ops.add(g, g, static_cast<float>(config_.clip / norm - 1));
    }
    const auto &weights = model_.weights.named(), &gradients = gradients_.named(), &first = first_.named(), &second = second_.named();
    for (size_t i = 0; i < weights.size(); ++i)
      ops.adamw(weights[i].tensor, gradients[i].tensor, first[i].tensor, second[i].tensor,
                {static_cast<float>(rate), static_cast<float>(config_.beta1), static_cast<float>(config_.beta2),
                 static_cast<float>(config_.epsilon), weights[i].decays ? static_cast<float>(config_.decay) : 0.0f, index + 1});
    return {index + 1, nats / static_cast<double>(labels), rate, norm, 0, labels};
  }

  void save(TrainingState& c) const {
    const auto get = [](const Weights& from, std::vector<float>& to) {
      to.resize(static_cast<size_t>(from.flat().view().size()));
      from.flat().download(to.data());
    };
    get(model_.weights, c.weights);
    get(first_, c.first);
    get(second_, c.second);
    c.fingerprint = fingerprint_;
  }
  bool restore(const TrainingState& c) {
    if (static_cast<int64_t>(c.weights.size()) != parameters()) return false;
    const auto put = [this](const std::vector<float>& from, const Weights& to) {
      model_.ops->upload(to.flat().view().data, from.data(), to.flat().bytes());
    };
    put(c.weights, model_.weights);
    put(c.first, first_);
    put(c.second, second_);
    return true;
  }

 private:
  // Normal weights; what writes into the residual stream is smaller with depth (GPT-2's rule); norms are one.
  void initialise() {
    Random random(config_.seed);
    model_.ops->zero(first_.flat().view().data, first_.flat().bytes());
    model_.ops->zero(second_.flat().view().data, second_.flat().bytes());
    const double deep = 1 / std::sqrt(2.0 * model_.config.layers);
    for (const auto& named : model_.weights.named()) {
      std::vector<float> values(static_cast<size_t>(named.tensor.size()), named.at_start);
      if (named.decays) {
        const bool writes = named.name.ends_with("o_proj.weight") || named.name.ends_with("down_proj.weight");
        const double spread = model_.config.initializer_range * (writes ? deep : 1);
        for (float& value : values) value = static_cast<float>(spread * random.normal());
      }
      model_.ops->upload(named.tensor.data, values.data(), sizeof(float) * values.size());
    }
  }

  const TrainConfig& config_;
  Model model_;
  Weights gradients_, first_, second_;
  Buffer hidden_gradient_;
  std::vector<float> losses_;
  std::unique_ptr<Workspace> work_;
  std::vector<std::vector<int32_t>> documents_;
  std::unique_ptr<Schedule> schedule_;
  std::string fingerprint_;
};

void write_result(Trainer& trainer, const TrainConfig& config, const Corpus& corpus, const TrainResult& result,
                  const std::filesystem::path& out) {
  Model& model = trainer.model();
  save_model(model, out);
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
    if (std::filesystem::exists(config.tokenizer / name) && !std::filesystem::equivalent(config.tokenizer, out))
      std::filesystem::copy_file(config.tokenizer / name, out / name, std::filesystem::copy_options::overwrite_existing);
  nlohmann::json record = {{"program", program_version()}, {"device", model.ops->device()},
                           {"fingerprint", trainer.fingerprint()},
                           {"corpus", corpus.hash}, {"documents", corpus.documents.size()},
                           {"parameters", result.parameters}, {"tokens", result.tokens}, {"seconds", result.seconds},
                           {"settings", trainer.settings()},
                           {"columns", {"step", "loss", "rate", "gradient norm", "seconds", "tokens"}},
                           {"curve", curve_json(result.curve)}};
  std::ofstream(out / "training.json") << record.dump(1) << '\n';
}

// What an equal training left in `out`, if it came to its end there.
bool finished(const std::filesystem::path& out, const Trainer& trainer, TrainResult& result) {
  std::ifstream in(out / "training.json");
  const auto record = in ? nlohmann::json::parse(in, nullptr, false) : nlohmann::json();
  try {
    if (!record.is_object() || record.at("fingerprint") != trainer.fingerprint() || record.at("program") != program_version() ||
        record.at("device") != trainer.device() || !std::filesystem::exists(out / "model.safetensors"))
      return false;
    result = {curve_from_json(record.at("curve")), record.at("parameters"), record.at("tokens"), record.at("seconds")};
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

}  // namespace

TrainPlan plan_training(const TrainConfig& config, const Corpus& corpus, std::shared_ptr<Ops> ops) {
  Trainer trainer(config, corpus, ops, Control());
  TrainPlan plan{static_cast<int64_t>(corpus.documents.size()), 0, trainer.schedule().steps(), trainer.parameters()};
  plan.tokens = static_cast<int64_t>(config.passes * static_cast<double>(trainer.corpus_tokens()));
  trainer.step(0);  // the first step also takes memory
  const auto start = Clock::now();
  int64_t tokens = 0, steps = 0;
  while (seconds_since(start) < 3 && steps + 1 < plan.steps) tokens += trainer.step(++steps).tokens;
  plan.tokens_per_second = steps ? static_cast<double>(tokens) / seconds_since(start) : 0;
  plan.seconds = steps ? static_cast<double>(plan.tokens) / plan.tokens_per_second : 0;
  return plan;
}

TrainResult train(const TrainConfig& config, const Corpus& corpus, std::shared_ptr<Ops> ops, const std::filesystem::path& out,
                  const std::function<void(const TrainPoint&)>& point, const Control& control) {
  Trainer trainer(config, corpus, ops, control);
  if (TrainResult result; finished(out, trainer, result)) return result;
  std::filesystem::create_directories(out);
  const auto folder = out / "checkpoint";
  TrainingState state;
  if (!load_checkpoint(folder, trainer.fingerprint(), state) || !trainer.restore(state)) state = {};
  const double before = state.seconds;
  const auto start = Clock::now();
  const auto keep = [&] {
    trainer.save(state);
    state.seconds = before + seconds_since(start);
    save_checkpoint(state, folder);
  };

  const int64_t steps = trainer.schedule().steps(), first = state.step;
  while (state.step < steps) {
    const TrainPoint p = trainer.step(state.step++);
    state.tokens += p.tokens;
    state.loss_sum += p.loss;
    state.norm_sum += p.gradient_norm;
    if (state.step % record_every == 0 || state.step == steps) {
      const auto count = static_cast<double>((state.step - 1) % record_every + 1);
      state.curve.push_back({state.step, state.loss_sum / count, p.rate, state.norm_sum / count,
                             before + seconds_since(start), state.tokens});
      state.loss_sum = state.norm_sum = 0;
      if (point) point(state.curve.back());
    }
    const bool due = config.checkpoint_every > 0 && state.step % config.checkpoint_every == 0;
    if (control.cancelled() || (due && state.step < steps)) keep();
    control.say({"training", double(state.step), double(steps),
                 seconds_since(start) / double(state.step - first) * double(steps - state.step)});
  }
  TrainResult result{state.curve, trainer.parameters(), state.tokens, before + seconds_since(start)};
  write_result(trainer, config, corpus, result, out);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return result;
}

}  // namespace stemma
