// Every decoder family against transformers: tiny models of random weights with the family's features switched on (see
// tests/golden/make_goldens.py). Prints the largest errors by family and kind of tensor.
#include <QTemporaryDir>
#include <QtTest>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/corpus/packing.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/forward.h"
#include "runtime/model/weight_layout.h"
#include "tests/support/compare.h"
#include "tests/support/json.h"

using namespace stemma;
using namespace stemma::test;
using nlohmann::json;

namespace {

const std::filesystem::path goldens = std::filesystem::path(STEMMA_SOURCE_DIR) / "tests/golden";
constexpr double logit_tolerance = 1e-4, residual_tolerance = 1e-5, gradient_tolerance = 1e-4, cache_tolerance = 2e-5;

std::vector<std::string> family_folders() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(goldens))
    if (entry.is_directory() && std::filesystem::exists(entry.path() / "expected.safetensors"))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// What transformers computed, by name.
struct Expected {
  SafetensorsFile file;
  explicit Expected(const std::filesystem::path& folder) : file(folder / "expected.safetensors") {}

  const StoredTensor* find(const std::string& name) const {
    for (const StoredTensor& tensor : file.tensors())
      if (tensor.name == name) return &tensor;
    return nullptr;
  }
  std::vector<float> values(const std::string& name) const {
    const StoredTensor* tensor = find(name);
    if (!tensor) qFatal("%s is not in %s", name.c_str(), file.path().c_str());
    std::vector<float> numbers(static_cast<size_t>(tensor->size()));
    read_f32(*tensor, 0, numbers, file.path().string());
    return numbers;
  }
  std::vector<std::vector<int32_t>> sequences() const {
    std::vector<std::vector<int32_t>> all;
    while (const StoredTensor* tensor = find("tokens." + std::to_string(all.size()))) {
      auto& tokens = all.emplace_back(static_cast<size_t>(tensor->size()));
      std::memcpy(tokens.data(), tensor->bytes.data(), tensor->bytes.size());
    }
    return all;
  }
};

std::vector<float> downloaded(Ops& ops, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  ops.download(values.data(), tensor.data, values.size() * sizeof(float));
  return values;
}

// The JSON that a safetensors file begins with.
std::string header_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  uint64_t size = 0;
  file.read(reinterpret_cast<char*>(&size), sizeof size);
  std::string header(size, '\0');
  file.read(header.data(), static_cast<std::streamsize>(size));
  return header;
}

std::vector<float> logits_of(const Model& model, Tensor hidden) {
  const Buffer out(model.ops, hidden.rows, model.config.vocabulary);
  logits(model, hidden, out);
  return downloaded(*model.ops, out);
}

// The largest error of each kind of tensor.
struct Errors {
  double logits = 0, residuals = 0, cached = 0;
  std::map<std::string, double> gradients;
};

double largest(const std::vector<float>& values) {
  double most = 1e-30;
  for (const float value : values) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

std::string kind_of(const WeightPlace& place) {
  if (place.vector) return place.name.find("bias") != std::string::npos ? "bias" : "norm";
  const std::pair<Tensor Block::*, const char*> kinds[] = {
      {&Block::query, "query"}, {&Block::key, "key"}, {&Block::value, "value"}, {&Block::output, "output"},
      {&Block::gate, "gate"},   {&Block::up, "up"},   {&Block::down, "down"}};
  for (const auto& [member, name] : kinds)
    if (place.in_block == member) return name;
  return "embedding";
}

}  // namespace

class FamiliesTest : public QObject {
  Q_OBJECT

  std::map<std::string, Errors> table_;

  void compare(const std::string& name, const std::shared_ptr<Ops>& ops, Errors& errors) {
    const auto model = load_model(goldens / name, ops);
    const Expected expected(goldens / name);
    const auto sequences = expected.sequences();
    QVERIFY(sequences.size() >= 2);
    LabelledBatch labelled;
    for (const auto& tokens : sequences) labelled.add(tokens);
    Workspace work(*model);
    std::map<int, std::vector<float>> seen;
    const Taps taps{[](Site site) {
                      return site == Site{Hook::resid_pre, 0} || site.hook == Hook::resid_post;
                    },
                    [&](Site site, Tensor value) {
                      seen[site.hook == Hook::resid_pre ? 0 : site.layer + 1] = downloaded(*ops, value);
                    }};
    const Tensor hidden = forward(work, labelled.batch, nullptr, &taps);
    const std::vector<float> all_logits = logits_of(*model, hidden);

    // The batch's rows are the tokens that have a next one: the last token of a document is no row of it.
    for (size_t s = 0; s < sequences.size(); ++s) {
      const Segment& rows = labelled.batch.segments[s];
      const auto part = [&](const std::vector<float>& all, int64_t columns) {
        return std::vector<float>(all.begin() + rows.query_begin * columns, all.begin() + rows.query_end * columns);
      };
      const auto head = [&](const std::string& tensor, int64_t columns) {
        std::vector<float> values = expected.values(tensor);
        values.resize(static_cast<size_t>((rows.query_end - rows.query_begin) * columns));
        return values;
      };
      const std::string number = std::to_string(s);
      const int64_t C = model->config.width, V = model->config.vocabulary;
      errors.logits = std::max(errors.logits, difference(part(all_logits, V), head("logits." + number, V)));
      for (int layer = 0; layer <= model->config.layers; ++layer) {
        const std::string residual = "residual." + number + "." + std::to_string(layer);
        errors.residuals = std::max(errors.residuals, difference(part(seen.at(layer), C), head(residual, C)));
      }
    }

    Weights gradients(model->config, ops);
    const Buffer top(ops, hidden.rows, hidden.columns);
    std::vector<float> losses;
    loss(*model, hidden, labelled.targets, {.weight = 1}, losses, top, gradients.unembedding);
    backward(work, labelled.batch, top, &gradients, nullptr);
    compare_gradients(*model, gradients, expected, errors);
    compare_cached(*model, sequences, expected, errors);
  }

  // The golden gradients lie in a checkpoint's layout, so they are taken apart as a checkpoint is.
  void compare_gradients(const Model& model, const Weights& gradients, const Expected& expected, Errors& errors) {
    const std::vector<WeightPlace> places = weight_layout(model.config);
    size_t compared = 0;
    for (size_t i = 0; i < places.size(); ++i) {
      const std::vector<float> whole = expected.values("gradient." + places[i].stored.name);
      // Over the largest of the tensor as it is stored: a key's bias that is not turned has no gradient but rounding.
      const std::vector<float> part = part_of(whole, places[i]);
      const double error =
          difference(downloaded(*model.ops, gradients.named()[i].tensor), part) * largest(part) / largest(whole);
      double& worst = errors.gradients[kind_of(places[i])];
      worst = std::max(worst, error);
      QVERIFY2(error <= gradient_tolerance,
               qPrintable(QString("%1: %2").arg(QString::fromStdString(places[i].name)).arg(error)));
      compared += static_cast<size_t>(places[i].rows * places[i].columns);
    }
    size_t there = 0;
    for (const StoredTensor& tensor : expected.file.tensors())
      if (tensor.name.starts_with("gradient.")) there += static_cast<size_t>(tensor.size());
    QCOMPARE(compared, there);  // nothing that transformers trains was left out
  }

  static std::vector<float> part_of(const std::vector<float>& whole, const WeightPlace& place) {
    const StoredPart& s = place.stored;
    const int64_t rows = place.vector ? place.columns : place.rows, columns = place.vector ? 1 : place.columns;
    if (static_cast<int64_t>(whole.size()) == rows * columns && !s.transposed) return whole;
    const int64_t width = s.transposed ? s.shape[1] : columns;
    std::vector<float> part;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        const int64_t row = s.first + r / s.block * s.stride + r % s.block;
        part.push_back(whole[static_cast<size_t>(s.transposed ? c * width + row : row * width + c)]);
      }
    return part;
  }

  // Token by token behind a cache, and a prompt with tokens after it.
  void compare_cached(const Model& model, const std::vector<std::vector<int32_t>>& sequences, const Expected& expected,
                      Errors& errors) {
    for (size_t s = 0; s < sequences.size(); ++s) {
      const auto& tokens = sequences[s];
      const std::vector<float> whole = expected.values("logits." + std::to_string(s));
      const auto length = static_cast<int64_t>(tokens.size()), V = int64_t{model.config.vocabulary};
      for (const int64_t prompt : {int64_t{1}, length - 3}) {
        Workspace work(model);
        KeyValueCache cache(model, length);
        std::vector<float> found, same;
        for (int64_t begin = 0; begin < length;) {
          const int64_t end = begin == 0 ? prompt : begin + 1;
          Batch batch;
          batch.add({tokens.begin() + begin, tokens.begin() + end});
          for (int32_t& position : batch.positions) position += static_cast<int32_t>(begin);
          const std::vector<float> rows = logits_of(model, forward(work, batch, &cache));
          // Before a text grows long, LongRoPE turns it by other angles than the whole.
          if (model.config.long_factors(end) == model.config.long_factors(length)) {
            found.insert(found.end(), rows.begin(), rows.end());
            same.insert(same.end(), whole.begin() + begin * V, whole.begin() + end * V);
          }
          begin = end;
        }
        QVERIFY(!found.empty());
        errors.cached = std::max(errors.cached, difference(found, same));
      }
    }
  }

  void print(const QString& device) {
    const char* kinds[] = {"query", "key", "value", "output", "gate", "up", "down", "norm", "bias", "embedding"};
    QString text = QString("largest errors on %1\n%2%3%4%5")
                       .arg(device)
                       .arg("family", -17)
                       .arg("logits", 9)
                       .arg("resid.", 9)
                       .arg("cached", 9);
    for (const char* kind : kinds) text += QString("%1").arg(kind, 10);
    for (const auto& [name, errors] : table_) {
      text += QString("\n%1").arg(QString::fromStdString(name), -17);
      for (const double error : {errors.logits, errors.residuals, errors.cached})
        text += QString("%1").arg(error, 9, 'e', 1);
      for (const char* kind : kinds)
        text += errors.gradients.contains(kind) ? QString("%1").arg(errors.gradients.at(kind), 10, 'e', 1)
                                                : QString("%1").arg("-", 10);
    }
    qInfo("%s", qPrintable(text));
  }

  void run(const std::shared_ptr<Ops>& ops) {
    table_.clear();
    const auto names = family_folders();
    QVERIFY(names.size() >= 27);
    for (const std::string& name : names) {
      Errors& errors = table_[name];
      try {
        compare(name, ops, errors);
      } catch (const std::exception& error) {
        QFAIL(error.what());
      }
      if (QTest::currentTestFailed()) qWarning("in %s", name.c_str());
    }
    print(QString::fromStdString(ops->device()));
    for (const auto& [name, errors] : table_) {
      QVERIFY2(errors.logits <= logit_tolerance, name.c_str());
      QVERIFY2(errors.residuals <= residual_tolerance, name.c_str());
      QVERIFY2(errors.cached <= cache_tolerance, name.c_str());
    }
  }

 private slots:
  void on_the_cpu() { run(make_cpu_ops()); }

  void on_cuda() {
    std::string why;
    const auto ops = make_cuda_ops(0, why);
    if (!ops) QSKIP(qPrintable(QString::fromStdString("skipped: no CUDA device: " + why)));
    run(ops);
  }

  // What f32 rounds of an angle grows with the position, so it is rounded as transformers rounds it.
  void angles_far_into_the_context() {
    const SafetensorsFile file(goldens / "angles.safetensors");
    const json configs = test::json_of(header_of(goldens / "angles.safetensors"))["__metadata__"];
    const auto find = [&](const std::string& name) {
      return *std::find_if(file.tensors().begin(), file.tensors().end(), [&](auto& t) { return t.name == name; });
    };
    std::vector<int32_t> positions(static_cast<size_t>(find("positions").size()));
    std::memcpy(positions.data(), find("positions").bytes.data(), positions.size() * sizeof(int32_t));
    int compared = 0;
    double worst = 0;
    for (const StoredTensor& tensor : file.tensors()) {
      if (tensor.name == "positions") continue;
      ++compared;
      const ModelConfig config = parse_config(configs[tensor.name].get<std::string>(), tensor.name);
      const auto ops = make_cpu_ops();
      const std::vector<float> table = downloaded(*ops, rope_table(config, ops));
      std::vector<float> expected(static_cast<size_t>(tensor.size()));
      read_f32(tensor, 0, expected, tensor.name);
      const auto width = static_cast<size_t>(config.rope_width());
      const bool long_text = config.long_factors(positions.back() + 1);
      for (size_t row = 0; row < positions.size(); ++row)
        for (size_t i = 0; i < width; ++i) {
          const size_t at = static_cast<size_t>(positions[row] + (long_text ? config.context : 0)) * width + i;
          worst = std::max(worst, static_cast<double>(std::abs(table[at] - expected[row * width + i])));
        }
    }
    qInfo("cosines and sines of %d kinds of angles, up to position %d: apart by at most %.1e", compared,
          positions.back(), worst);
    QCOMPARE(compared, 6);
    QVERIFY(worst <= 1e-6);
  }

  // transformers 5 keeps angles and layers under other keys than most checkpoints do.
  void both_spellings_of_a_config() {
    for (const std::string& name : family_folders()) {
      const auto model = load_model(goldens / name, make_cpu_ops());
      const ModelConfig newer =
          parse_config(read_text(goldens / name / "config-5.json", 1 << 20), name + "/config-5.json");
      QVERIFY2(hash_of(newer, model->weights, *model->ops) == model->hash, name.c_str());
      QVERIFY2(newer.dtype == model->config.dtype && newer.eos == model->config.eos, name.c_str());
    }
  }

  // The body alone, without the head's prefix, and with the masks that old checkpoints keep.
  void checkpoints_of_the_body() {
    for (const char* name : {"gpt2", "llama-biased", "gpt-neox-serial"}) {
      const auto model = load_model(goldens / name, make_cpu_ops());
      const SafetensorsFile whole(goldens / name / "model.safetensors");
      std::vector<std::vector<float>> values;
      std::vector<TensorToWrite> tensors;
      for (const StoredTensor& tensor : whole.tensors()) {
        values.emplace_back(static_cast<size_t>(tensor.size()));
        read_f32(tensor, 0, values.back(), name);
        tensors.push_back({tensor.name.substr(tensor.name.find('.') + 1), tensor.shape, {}});
      }
      for (size_t i = 0; i < tensors.size(); ++i) tensors[i].values = values[i];
      const std::vector<float> mask(4);
      for (const char* buffer : {"h.0.attn.bias", "h.1.attn.masked_bias", "layers.0.attention.bias"})
        tensors.push_back({buffer, {4}, mask});
      QTemporaryDir folder;
      const std::filesystem::path to = folder.path().toStdString();
      for (const char* file : {"config.json", "tokenizer.json"})
        std::filesystem::copy_file(goldens / name / file, to / file);
      write_safetensors(to / "model.safetensors", tensors);
      QCOMPARE(load_model(to, make_cpu_ops())->hash, model->hash);
    }
  }

  // Fused, turned and shifted tensors are written as they were read.
  void survive_saving() {
    for (const std::string& name : family_folders()) {
      const auto model = load_model(goldens / name, make_cpu_ops());
      QTemporaryDir folder;
      const std::filesystem::path to = folder.path().toStdString();
      save_model(*model, to);
      std::filesystem::copy_file(goldens / name / "tokenizer.json", to / "tokenizer.json");
      QCOMPARE(load_model(to, make_cpu_ops())->hash, model->hash);
      const SafetensorsFile first(goldens / name / "model.safetensors"), second(to / "model.safetensors");
      std::map<std::string, std::vector<int64_t>> shapes, again;
      for (const StoredTensor& tensor : first.tensors()) shapes[tensor.name] = tensor.shape;
      for (const StoredTensor& tensor : second.tensors()) again[tensor.name] = tensor.shape;
      QVERIFY2(shapes == again, name.c_str());
    }
  }
};

QTEST_GUILESS_MAIN(FamiliesTest)
#include "families_test.moc"
