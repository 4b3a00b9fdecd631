#include "runtime/model/model.h"

#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/error.h"
#include "runtime/model/files/hash.h"
#include "runtime/model/files/safetensors.h"
#include "runtime/model/weight_layout.h"
#include "tests/support/says.h"

using namespace stemma;
using nlohmann::json;

namespace {

const std::filesystem::path shared_data = STEMMA_SHARED_DATA;

ModelConfig small_config(bool tied) {
  ModelConfig config;
  config.architecture = "LlamaForCausalLM";
  config.dtype = "float32";
  config.layers = 2, config.width = 8, config.heads = 4, config.key_value_heads = 2, config.head_width = 6;
  config.mlp_width = 12, config.vocabulary = 260, config.context = 16;
  config.tied = tied;
  return config;
}

// A byte-level tokenizer.json with `extra` tokens beside the 256 bytes.
std::string tokenizer_json(int extra) {
  json vocabulary = json::object();
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const char32_t character = printable ? static_cast<char32_t>(byte) : next++;
    vocabulary[QString::fromUcs4(&character, 1).toStdString()] = byte;
  }
  json added = json::array();
  for (int i = 0; i < extra; ++i)
    added.push_back({{"id", 256 + i}, {"content", "<" + std::to_string(i) + ">"}, {"special", true}});
  return json{{"added_tokens", added},
              {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
              {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}}}
      .dump();
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct Stored {
  std::vector<int64_t> shape;
  std::vector<float> values;
};
using Tensors = std::map<std::string, Stored>;

// Every weight a different number.
Tensors tensors_of(const ModelConfig& config) {
  Tensors tensors;
  float next = 0;
  for (const WeightPlace& place : weight_layout(config)) {
    Stored stored{place.vector ? std::vector<int64_t>{place.columns} : std::vector<int64_t>{place.rows, place.columns},
                  {}};
    for (int64_t i = 0; i < place.rows * place.columns; ++i) stored.values.push_back(next++ / 1024);
    tensors[place.name] = stored;
  }
  return tensors;
}

void write_model(const std::filesystem::path& folder, const ModelConfig& config, const Tensors& tensors,
                 int extra_tokens = 4) {
  write_config(config, folder);
  write(folder / "tokenizer.json", tokenizer_json(extra_tokens));
  std::vector<TensorToWrite> list;
  for (const auto& [name, stored] : tensors) list.push_back({name, stored.shape, stored.values});
  write_safetensors(folder / "model.safetensors", list);
}

std::string load_error(const std::filesystem::path& folder) {
  try {
    load_model(folder, make_cpu_ops());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::vector<float> downloaded(Ops& ops, Tensor tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.size()));
  ops.download(values.data(), tensor.data, values.size() * sizeof(float));
  return values;
}

}  // namespace

class ModelTest : public QObject {
  Q_OBJECT

 private slots:
  void weights_are_views_of_one_buffer() {
    for (bool tied : {true, false}) {
      const ModelConfig config = small_config(tied);
      const auto ops = make_cpu_ops();
      const Weights weights(config, ops);
      const float* next = weights.flat().view().data;
      const auto layout = weight_layout(config);
      const auto named = weights.named();
      QCOMPARE(named.size(), layout.size());
      for (size_t i = 0; i < named.size(); ++i) {
        QCOMPARE(named[i].name, layout[i].name);
        QCOMPARE(named[i].tensor.data, next);
        QCOMPARE(named[i].tensor.rows, layout[i].rows);
        QCOMPARE(named[i].tensor.columns, layout[i].columns);
        QCOMPARE(named[i].decays, !layout[i].vector);
        next += named[i].tensor.size();
      }
      QCOMPARE(next, weights.flat().view().data + weights.flat().view().size());
      QCOMPARE(weights.unembedding.data == weights.embedding.data, tied);
      const Block& block = weights.blocks[1];
      QCOMPARE(block.linear(Linear::query).rows, 24);
      QCOMPARE(block.linear(Linear::key).rows, 12);
      QCOMPARE(block.linear(Linear::output).data, block.output.data);
      QCOMPARE(block.linear(Linear::output).columns, 24);
      QCOMPARE(block.linear(Linear::down).columns, 12);
      for (float x : downloaded(*ops, weights.flat())) QCOMPARE(x, 0.f);
    }
  }

  void survives_saving() {
    for (bool tied : {true, false}) {
      QTemporaryDir first, second;
      const std::filesystem::path from = first.path().toStdString(), to = second.path().toStdString();
      const ModelConfig config = small_config(tied);
      const Tensors tensors = tensors_of(config);
      write_model(from, config, tensors);
      const auto model = load_model(from, make_cpu_ops());
      for (const auto& named : model->weights.named())
        QCOMPARE(downloaded(*model->ops, named.tensor), tensors.at(named.name).values);
      save_model(*model, to);
      write(to / "tokenizer.json", tokenizer_json(4));
      const auto again = load_model(to, make_cpu_ops());
      QCOMPARE(again->hash, model->hash);
      QCOMPARE(again->name, to.filename().string());
      QCOMPARE(again->tokenizer->hash(), model->tokenizer->hash());
    }
  }

  void halves_stay_halves_when_saved() {
    QTemporaryDir first, second;
    const std::filesystem::path from = first.path().toStdString(), to = second.path().toStdString();
    write_model(from, small_config(true), tensors_of(small_config(true)));
    for (const auto& [dtype, type] :
         {std::pair(Dtype::bf16, WeightType::bf16), std::pair(Dtype::f16, WeightType::f16)}) {
      const auto model = load_model(from, make_cpu_ops(), dtype);
      save_model(*model, to);
      write(to / "tokenizer.json", tokenizer_json(4));
      const SafetensorsFile file(to / "model.safetensors");
      for (const StoredTensor& tensor : file.tensors())
        QCOMPARE(tensor.dtype, std::string(tensor.shape.size() > 1 ? format_of(type).name : "F32"));
      const auto again = load_model(to, make_cpu_ops(), dtype), wide = load_model(to, make_cpu_ops(), Dtype::f32);
      QCOMPARE(again->hash, model->hash);
      QCOMPARE(wide->hash, model->hash);
      QCOMPARE(again->config.dtype, model->config.dtype);
    }
  }

  void the_hash_sees_every_weight_and_the_shape() {
    const auto ops = make_cpu_ops();
    const ModelConfig config = small_config(true);
    Weights weights(config, ops);
    const std::string zero = hash_of(config, weights, *ops);
    QCOMPARE(zero, hash_of(config, weights, *ops));
    QCOMPARE(zero.size(), size_t{32});
    const float small = 1e-30f;
    ops->upload(weights.final_norm.row(0) + 7, &small, sizeof small);
    QVERIFY(hash_of(config, weights, *ops) != zero);
    ModelConfig other = config;
    other.rope_theta = 20000;
    QVERIFY(hash_of(other, weights, *ops) != hash_of(config, weights, *ops));
    other = config;
    other.bos = 3;  // no part of the function that the model computes
    QCOMPARE(hash_of(other, weights, *ops), hash_of(config, weights, *ops));
    QCOMPARE(hash_of_text(""), std::string("99aa06d3014798d86001c324468d497f"));  // XXH3-128 of nothing, as published
  }

  void rope_is_cosines_then_sines() {
    const auto ops = make_cpu_ops();
    const Buffer buffer = rope_table(small_config(true), ops);
    const auto table = downloaded(*ops, buffer);
    QCOMPARE(buffer.view().rows, 16);
    QCOMPARE(buffer.view().columns, 6);
    for (int position : {0, 1, 15})
      for (int i = 0; i < 3; ++i) {
        const double angle = position / std::pow(10000.0, i / 3.0);
        QVERIFY(std::abs(table[static_cast<size_t>(position * 6 + i)] - std::cos(angle)) < 1e-6);
        QVERIFY(std::abs(table[static_cast<size_t>(position * 6 + 3 + i)] - std::sin(angle)) < 1e-6);
      }
  }

  void broken_models_data() {
    QTest::addColumn<QString>("words");
    QTest::addColumn<int>("what");
    const char* words[] = {"lacks tensor 'model.layers.1.mlp.up_proj.weight'",
                           "'model.norm.weight' has shape (9), config.json asks for (8)",
                           "'model.norm.weight' has shape (1, 8), config.json asks for (8)",
                           "'model.layers.0.self_attn.q_proj.weight' has shape (8, 24), config.json asks for (24, 8)",
                           "lacks tensor 'lm_head.weight', and config.json does not tie it",
                           "'model.layers.0.self_attn.q_proj.bias' is no part of the model",
                           "'model.layers.2.mlp.up_proj.weight' is no part of the model",
                           "the tokenizer has 262 tokens, the embedding 260 rows",
                           "tokenizer.json: there is no such file",
                           "holds neither model.safetensors nor",
                           "holds quantised weights (tensor 'model.layers.0.mlp.up_proj.qweight'), which are not",
                           "holds quantised weights (tensor 'model.layers.1.self_attn.v_proj.weight_scale_inv')",
                           "tensor 'lm_head.weight' is not the embedding, to which config.json ties it"};
    for (int i = 0; i < static_cast<int>(std::size(words)); ++i) QTest::newRow(words[i]) << words[i] << i;
  }
  void broken_models() {
    QFETCH(QString, words);
    QFETCH(int, what);
    QTemporaryDir temporary;
    const std::filesystem::path folder = temporary.path().toStdString();
    const ModelConfig config = small_config(what == 12);
    Tensors tensors = tensors_of(config);
    const Stored row{{9}, std::vector<float>(9)};
    if (what == 0) tensors.erase("model.layers.1.mlp.up_proj.weight");
    if (what == 1) tensors["model.norm.weight"] = row;
    if (what == 2) tensors["model.norm.weight"].shape = {1, 8};
    if (what == 3) tensors["model.layers.0.self_attn.q_proj.weight"].shape = {8, 24};
    if (what == 4) tensors.erase("lm_head.weight");
    if (what == 5) tensors["model.layers.0.self_attn.q_proj.bias"] = row;
    if (what == 6) tensors["model.layers.2.mlp.up_proj.weight"] = row;
    if (what == 10) {
      tensors.erase("model.layers.0.mlp.up_proj.weight");
      tensors["model.layers.0.mlp.up_proj.qweight"] = row;
    }
    if (what == 11) tensors["model.layers.1.self_attn.v_proj.weight_scale_inv"] = row;
    if (what == 12) {
      tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
      tensors["lm_head.weight"].values.back() += 1;
    }
    write_model(folder, config, tensors, what == 7 ? 6 : 4);
    if (what == 8) std::filesystem::remove(folder / "tokenizer.json");
    if (what == 9) std::filesystem::remove(folder / "model.safetensors");
    const std::string error = load_error(folder);
    VERIFY_SAYS(error, words.toStdString());
    VERIFY_SAYS(error, folder.string());
  }

  void tensors_that_mean_nothing_are_left() {
    QTemporaryDir temporary;
    const std::filesystem::path folder = temporary.path().toStdString();
    const ModelConfig config = small_config(true);
    Tensors tensors = tensors_of(config);
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {{3}, {1, 2, 3}};
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"];
    write_model(folder, config, tensors);
    QCOMPARE(load_error(folder), std::string());
  }

  void a_cut_model_is_refused() {
    QTemporaryDir temporary;
    const std::filesystem::path folder = temporary.path().toStdString();
    write_model(folder, small_config(true), tensors_of(small_config(true)));
    std::filesystem::resize_file(folder / "model.safetensors",
                                 std::filesystem::file_size(folder / "model.safetensors") - 1);
    VERIFY_SAYS(load_error(folder), "model.safetensors: tensor");
  }

  // Each of its MLP's matrices would fill the machine; of the file, only the header takes room.
  void a_model_that_does_not_fit_is_refused_before_it_is_read() {
    QTemporaryDir temporary;
    const std::filesystem::path folder = temporary.path().toStdString();
    ModelConfig config = small_config(true);
    config.width = 1024;
    config.mlp_width = static_cast<int>(make_cpu_ops()->memory().total / 4096);
    write_model(folder, config, {});
    json header = json::object();
    int64_t end = 0;
    for (const WeightPlace& place : weight_layout(config)) {
      const int64_t begin = std::exchange(end, end + 4 * place.rows * place.columns);
      const json shape = place.vector ? json{place.columns} : json{place.rows, place.columns};
      header[place.name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, end}}};
    }
    const std::string text = header.dump();
    const uint64_t length = text.size();
    write(folder / "model.safetensors", std::string(reinterpret_cast<const char*>(&length), 8) + text);
    std::filesystem::resize_file(folder / "model.safetensors", 8 + length + static_cast<uint64_t>(end));
    const std::string said = load_error(folder);
    VERIFY_SAYS(said, "model.safetensors: the weights need ");
    VERIFY_SAYS(said, " GB of cpu, and ");
  }

  void a_real_model() {
    if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    const auto model = load_model(shared_data / "04_stories260K/derived/hf", make_cpu_ops());
    QCOMPARE(model->name, std::string("hf"));
    QCOMPARE(model->weights.flat().view().size(), 260'032);
    QCOMPARE(model->rope.view().rows, 512);
    QCOMPARE(model->tokenizer->size(), 512);
  }

  void devices() {
    QCOMPARE(open_device("cpu")->device(), std::string("cpu"));
    QVERIFY(open_device("auto"));
    for (const char* name : {"gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CPU"}) {
      try {
        open_device(name);
        QFAIL(name);
      } catch (const Error& error) {
        QVERIFY(error.code() == ErrorCode::usage);
        VERIFY_SAYS(std::string(error.what()), "use auto, cpu, cuda or cuda:N");
      }
    }
    try {
      open_device("cuda:999");
      QFAIL("there is no such device");
    } catch (const Error& error) {
      QVERIFY(error.code() == ErrorCode::device);
      VERIFY_SAYS(std::string(error.what()), "device 'cuda:999' cannot be used: ");
    }
  }
};

QTEST_GUILESS_MAIN(ModelTest)
#include "model_test.moc"
