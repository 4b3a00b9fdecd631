#include "runtime/model/config.h"

#include <QTemporaryDir>
#include <QtTest>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "tests/support/json.h"
#include "tests/support/says.h"

using namespace stemma;
using nlohmann::json;

namespace {

const std::filesystem::path shared_data = STEMMA_SHARED_DATA;

json valid() {
  return {{"architectures", {"LlamaForCausalLM"}},
          {"hidden_size", 64},
          {"intermediate_size", 172},
          {"num_hidden_layers", 5},
          {"num_attention_heads", 8},
          {"vocab_size", 512}};
}

std::string error_of(const std::string& text) {
  try {
    parse_config(text, "folder/config.json");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string folder_error(const std::filesystem::path& folder) {
  try {
    read_config(folder);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

class ConfigTest : public QObject {
  Q_OBJECT

 private slots:
  void reads_a_real_one() {
    if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    const ModelConfig config = read_config(shared_data / "04_stories260K/derived/hf");
    QCOMPARE(config.layers, 5);
    QCOMPARE(config.width, 64);
    QCOMPARE(config.heads, 8);
    QCOMPARE(config.key_value_heads, 4);
    QCOMPARE(config.head_width, 8);
    QCOMPARE(config.mlp_width, 172);
    QCOMPARE(config.vocabulary, 512);
    QCOMPARE(config.context, 512);
    QVERIFY(config.tied);
    QCOMPARE(config.bos, 1);
    QCOMPARE(config.eos, 2);
  }

  void what_is_not_said_is_as_in_transformers() {
    const ModelConfig config = parse_config(valid().dump(), "config.json");
    QCOMPARE(config.key_value_heads, 8);
    QCOMPARE(config.norm_epsilon, 1e-6f);
    QCOMPARE(config.rope_theta, 10000.f);
    QCOMPARE(config.context, 2048);
    QCOMPARE(config.bos, -1);
    QVERIFY(!config.tied);
  }

  void newer_spellings() {
    json document = valid();
    document["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 500000.0}};
    document["rope_scaling"] = {{"rope_type", "default"}};
    document["eos_token_id"] = {7, 8};
    document["dtype"] = "bfloat16";
    document["head_dim"] = 16;
    document.erase("architectures");
    document["model_type"] = "llama";
    const ModelConfig config = parse_config(document.dump(), "config.json");
    QCOMPARE(config.rope_theta, 500000.f);
    QCOMPARE(config.eos, 7);
    QVERIFY(config.ends_text(7) && config.ends_text(8) && !config.ends_text(9));
    QCOMPARE(config.head_width, 16);
    QCOMPARE(config.dtype, std::string("bfloat16"));
    QCOMPARE(config.architecture, std::string("LlamaForCausalLM"));
  }

  void survives_writing() {
    QTemporaryDir folder;
    json document = valid();
    document["rms_norm_eps"] = 3e-6;
    document["rope_theta"] = 12345.5;
    document["head_dim"] = 10;
    document["bos_token_id"] = 3;
    document["tie_word_embeddings"] = true;
    const ModelConfig config = parse_config(document.dump(), "config.json");
    const std::filesystem::path path = folder.path().toStdString();
    write_config(config, path);
    const ModelConfig again = read_config(path);
    QCOMPARE(again.norm_epsilon, config.norm_epsilon);
    QCOMPARE(again.rope_theta, config.rope_theta);
    QCOMPARE(again.head_width, 10);
    QCOMPARE(again.bos, 3);
    QCOMPARE(again.eos, -1);
    QVERIFY(again.tied);
    QCOMPARE(QDir(folder.path()).entryList(QDir::Files), QStringList{"config.json"});
  }

  void every_end_that_generation_config_names() {
    QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString();
    json document = valid();
    document["eos_token_id"] = 2;
    std::ofstream(path / "config.json") << document;
    std::ofstream(path / "generation_config.json") << R"({"eos_token_id": [2, 9], "temperature": 0.6})";
    const ModelConfig config = read_config(path);
    QCOMPARE(config.eos, 2);
    QVERIFY(config.ends_text(2) && config.ends_text(9) && !config.ends_text(3));
    std::ofstream(path / "generation_config.json") << "{";
    VERIFY_SAYS(test::error_when([&] { read_config(path); }), "generation_config.json");
  }

  void refusals_data() {
    QTest::addColumn<QString>("key");
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("words");
    auto row = [](const char* key, const char* value, const char* words) {
      QTest::addRow("%s %s", key, value) << key << value << words;
    };
    row("architectures", R"(["MixtralForCausalLM"])", "'MixtralForCausalLM', a mixture of experts");
    row("architectures", R"(["Qwen3MoeForCausalLM"])", "'Qwen3MoeForCausalLM', a mixture of experts");
    row("architectures", R"(["LlamaForSequenceClassification"])", "a classifier and no language model");
    row("architectures", R"(["Gemma3ForConditionalGeneration"])", "which reads more than text");
    row("architectures", R"(["BertForMaskedLM"])", "which fills gaps and writes no text");
    row("model_type", R"("granite")", "the model type 'granite' in a LlamaForCausalLM (model_type)");
    row("is_encoder_decoder", "true", "an encoder with a decoder (is_encoder_decoder)");
    row("rope_scaling", R"({"rope_type": "proportional", "factor": 2})", "'proportional' (rope_scaling)");
    row("rope_parameters", R"({"rope_type": "default", "partial_rotary_factor": 0.5})", "partial_rotary_factor");
    row("hidden_act", R"("quick_gelu")", "activation 'quick_gelu'");
    row("compression_config", R"({"quant_method": "compressed-tensors"})", "'compressed-tensors'");
    row("architectures", R"(["MambaForCausalLM"])", "'MambaForCausalLM', which is not supported");
    row("rope_scaling", R"({"rope_type": "llama3", "low_freq_factor": 4})", "'high_freq_factor' must be larger");
    row("rope_scaling", R"({"rope_type": "llama3", "factor": -1})", "'factor'");
    row("rope_scaling", R"({"type": "mrope", "factor": 2})", "'mrope' (rope_scaling)");
    row("rope_scaling", R"({"factor": 2})", "of an unnamed kind (rope_scaling)");
    row("rope_scaling", R"({"type": "yarn", "factor": 2, "truncate": 1})", "'truncate'");
    row("rope_scaling", R"({"type": "longrope", "short_factor": [1], "long_factor": [1]})", "'short_factor'");
    row("rope_scaling", R"({"type": "longrope", "short_factor": [1, 1, 1, 0], "long_factor": [1, 1, 1, 1]})",
        "'short_factor'");
    row("rope_scaling", R"(7)", "rope_scaling");
    row("attention_bias", "3", "'attention_bias'");
    row("hidden_act", R"("relu")", "activation 'relu'");
    row("quantization_config", R"({"quant_method": "gptq"})", "'gptq'");
    row("auto_map", R"({"AutoModel": "x.py"})", "auto_map");
    row("sliding_window", "4096", "sliding_window");
    row("partial_rotary_factor", "0.25", "partial_rotary_factor");
    row("hidden_size", "null", "'hidden_size'");
    row("hidden_size", "0", "'hidden_size'");
    row("hidden_size", "-64", "'hidden_size'");
    row("hidden_size", "64.5", "'hidden_size'");
    row("hidden_size", R"("64")", "'hidden_size'");
    row("hidden_size", "1e300", "'hidden_size'");
    row("hidden_size", "16777216", "'hidden_size'");
    row("hidden_size", "66", "66");
    row("num_hidden_layers", "100000", "'num_hidden_layers'");
    row("num_key_value_heads", "3", "no multiple of 3");
    row("head_dim", "7", "width 7");
    row("head_dim", "16777214", "too many");
    row("max_position_embeddings", "99999999999999999999", "'max_position_embeddings'");
    row("rms_norm_eps", "-1", "'rms_norm_eps'");
    row("rope_theta", R"("x")", "'rope_theta'");
    row("rope_parameters", "[1]", "rope_parameters");
    row("eos_token_id", R"("</s>")", "'eos_token_id'");
    row("tie_word_embeddings", "1", "'tie_word_embeddings'");
  }
  void refusals() {
    QFETCH(QString, key);
    QFETCH(QString, value);
    QFETCH(QString, words);
    json document = valid();
    document[key.toStdString()] = test::json_of(value.toStdString());
    const std::string error = error_of(document.dump());
    VERIFY_SAYS(error, "folder/config.json: ");
    QVERIFY2(QString::fromStdString(error).contains(words), error.c_str());
    QVERIFY2(!error.ends_with('.') && error.find('\n') == std::string::npos, error.c_str());
  }

  void sizes_that_multiply_beyond_reason() {
    json document = valid();
    for (const char* key : {"hidden_size", "intermediate_size", "vocab_size"}) document[key] = (1 << 24) - 8;
    document["num_hidden_layers"] = 4095;
    document["head_dim"] = 64;
    VERIFY_SAYS(error_of(document.dump()), "trillion");
    document = valid();
    document["max_position_embeddings"] = (1 << 24) - 1;
    document["head_dim"] = 256;
    VERIFY_SAYS(error_of(document.dump()), "context");
  }

  void broken_files() {
    VERIFY_SAYS(error_of("{ this is not valid json"), "not valid JSON");
    VERIFY_SAYS(error_of(""), "not valid JSON");
    VERIFY_SAYS(error_of("[1]"), "not a JSON object");
    VERIFY_SAYS(error_of("{\"hidden_size\": 1, \"hidden_size\": 2}"), "twice");
    VERIFY_SAYS(error_of("{\"\xFF\": 1}"), "not valid JSON");
    VERIFY_SAYS(error_of(std::string(100'000, '[')), "not valid JSON");
    VERIFY_SAYS(error_of(R"({"architectures": ["A B\nC"]})"), "'A B?C'");
    VERIFY_SAYS(error_of("{}"), "that it does not name");
    VERIFY_SAYS(folder_error("no/such/folder"), "no/such/folder: ");
    QTemporaryDir folder;
    VERIFY_SAYS(folder_error(folder.path().toStdString()), "config.json: there is no such file");
  }

  void strangers_models() {
    if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    VERIFY_SAYS(folder_error(shared_data / "06_safetensors_gguf_edge/unknown_architecture"), "'TinyTestModel'");
    const std::string remote = folder_error(shared_data / "06_safetensors_gguf_edge/sharded_missing_shards");
    for (const char* words : {"QWenLMHeadModel", "auto_map", "gptq"}) VERIFY_SAYS(remote, words);
    VERIFY_SAYS(folder_error(shared_data / "06_safetensors_gguf_edge/git_lfs_pointer"),
                "'GPTNeoXForSequenceClassification', a classifier");
    VERIFY_SAYS(folder_error(shared_data / "07_model_configs/Qwen3-30B-A3B"), "a mixture of experts");
    VERIFY_SAYS(folder_error(shared_data / "07_model_configs/hf_olmo-legacy"), "'OLMoForCausalLM'");
  }

  void real_models() {
    if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    const auto folder = shared_data / "07_model_configs";
    const ModelConfig llama = read_config(folder / "Llama-3.1-8B");
    QVERIFY(llama.rope.kind == RopeScaling::Kind::llama3);
    QCOMPARE(llama.rope.factor, 8.f);
    QCOMPARE(llama.rope.original_context, 8192);
    QCOMPARE(llama.rope_theta, 500000.f);
    QVERIFY(llama.kinds.empty());
    QVERIFY(read_config(folder / "Llama-3.2-3B").tied);
    for (const char* name : {"Qwen2-1.5B-Instruct", "Qwen2.5-3B", "Qwen2.5-7B", "Qwen2.5-14B", "Qwen2.5-32B"}) {
      const ModelConfig qwen = read_config(folder / name);
      QCOMPARE(qwen.architecture, std::string("Qwen2ForCausalLM"));
      QVERIFY(qwen.block.query_bias && !qwen.block.output_bias);
      QVERIFY(qwen.kinds.empty());  // its window is not used
    }
    for (const char* name : {"Qwen3-4B", "Qwen3-4B-Thinking-2507", "Qwen3-8B", "Qwen3-14B", "Qwen3-32B"}) {
      const ModelConfig qwen = read_config(folder / name);
      QVERIFY(qwen.block.query_norm == QueryNorm::per_head);
      QCOMPARE(qwen.head_width, 128);
    }
    const ModelConfig gpt2 = read_config(folder / "tiny-gpt2");
    QVERIFY(gpt2.block.learned_positions && !gpt2.block.gated && gpt2.tied);
    QCOMPARE(gpt2.mlp_width, 128);
    QCOMPARE(gpt2.context, 1024);
    QVERIFY(gpt2.kind(1).rope == RopeUse::none);
  }

  void strangers_by_what_they_are() {
    const auto said = [](const json& document) { return error_of(document.dump()); };
    VERIFY_SAYS(said({{"architectures", {"T5ForConditionalGeneration"}}, {"is_encoder_decoder", true}}),
                "an encoder with a decoder");
    VERIFY_SAYS(said({{"architectures", {"DeepseekV3ForCausalLM"}}, {"n_routed_experts", 256}}), "mixture of experts");
    VERIFY_SAYS(said({{"architectures", {"Llama4ForConditionalGeneration"}}, {"vision_config", json::object()}}),
                "reads more than text");
    VERIFY_SAYS(said({{"model_type", "mixtral"}, {"num_local_experts", 8}}), "'mixtral', a mixture of experts");
  }

  // Which of two spellings counts, and what silence means, as transformers has it.
  void the_values_that_count() {
    json document = valid();
    document["rope_scaling"] = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 16}};
    QCOMPARE(parse_config(document.dump(), "").rope.original_context, 16);
    document["original_max_position_embeddings"] = 8;
    QCOMPARE(parse_config(document.dump(), "").rope.original_context, 8);
    document["rope_scaling"]["rope_theta"] = 77.0;
    QCOMPARE(parse_config(document.dump(), "").rope_theta, 77.f);

    document = valid();
    document["architectures"] = {"GPTNeoXForCausalLM"};
    document["model_type"] = "gpt_neox";
    document["rope_theta"] = 777.0;
    document["partial_rotary_factor"] = 1.0;
    const ModelConfig neox = parse_config(document.dump(), "");
    QCOMPARE(neox.rope_theta, 10000.f);
    QCOMPARE(neox.rope_width(), 2);

    document = valid();
    document["architectures"] = {"Gemma3ForCausalLM"};
    document["model_type"] = "gemma3_text";
    document["attn_logit_softcapping"] = 2.0;
    document["final_logit_softcapping"] = 3.0;
    QCOMPARE(parse_config(document.dump(), "").attention_cap, 0.f);
    QCOMPARE(parse_config(document.dump(), "").logit_cap, 3.f);
    QCOMPARE(parse_config(document.dump(), "").key_value_heads, 4);
    document["num_key_value_heads"] = nullptr;
    QCOMPARE(parse_config(document.dump(), "").key_value_heads, 8);

    document = valid();
    document["architectures"] = {"MistralForCausalLM"};
    document["model_type"] = "mistral";
    document["sliding_window"] = 100;
    document["layer_types"] = {"full_attention", "sliding_attention", "full_attention", "full_attention",
                               "sliding_attention"};
    for (int layer = 0; layer < 5; ++layer)
      QCOMPARE(parse_config(document.dump(), "").kind(layer).window, layer == 1 || layer == 4 ? 100 : 0);
  }

  void features_of_families() {
    json document = valid();
    document["attention_bias"] = true;
    document["mlp_bias"] = true;
    document["rope_scaling"] = {{"type", "dynamic"}, {"factor", 4.0}};  // changes nothing within the context
    const ModelConfig llama = parse_config(document.dump(), "config.json");
    QVERIFY(llama.block.query_bias && llama.block.output_bias && llama.block.mlp_bias);
    QVERIFY(llama.rope == RopeScaling{});

    document = valid();
    document["architectures"] = {"MistralForCausalLM"};
    QCOMPARE(parse_config(document.dump(), "").kind(0).window, 4096);  // where it is not said
    document["sliding_window"] = nullptr;
    QCOMPARE(parse_config(document.dump(), "").kind(0).window, 0);

    document = valid();
    document["architectures"] = {"Qwen2ForCausalLM"};
    document["num_key_value_heads"] = 2;
    document["use_sliding_window"] = true;
    document["sliding_window"] = 100;
    for (const int full : {0, 2}) {
      document["max_window_layers"] = full;
      for (int layer = 0; layer < 5; ++layer)
        QCOMPARE(parse_config(document.dump(), "").kind(layer).window, layer < full ? 0 : 100);
    }

    document = valid();
    document["architectures"] = {"Gemma3ForCausalLM"};
    document["sliding_window"] = 512;
    document["head_dim"] = 8;
    const ModelConfig gemma = parse_config(document.dump(), "");
    for (int layer = 0; layer < 5; ++layer) QVERIFY(gemma.kind(layer) == (LayerKind{512, RopeUse::local}));
    QCOMPARE(gemma.rope_theta, 1e6f);
    QCOMPARE(gemma.local_rope_theta, 1e4f);
    QCOMPARE(gemma.embedding_scale, 8.f);
    QCOMPARE(gemma.attention_scale, 1 / 16.f);
    document["layer_types"] = {"full_attention", "sliding_attention"};
    VERIFY_SAYS(error_of(document.dump()), "'layer_types' must list all 5 layers");
    document["layer_types"] = {"full_attention", "sliding_attention", "chunked", "chunked", "chunked"};
    VERIFY_SAYS(error_of(document.dump()), "attention 'chunked' (layer_types)");
    document["layer_types"] = nullptr;
    document["use_bidirectional_attention"] = true;
    VERIFY_SAYS(error_of(document.dump()), "use_bidirectional_attention");

    document = valid();
    document["architectures"] = {"GPTNeoXForCausalLM"};
    const ModelConfig neox = parse_config(document.dump(), "");
    QCOMPARE(neox.rope_width(), 2);
    QVERIFY(neox.block.parallel);
    document["rotary_pct"] = 0.4;
    VERIFY_SAYS(error_of(document.dump()), "3 columns of a head");

    document = valid();
    document["architectures"] = {"SmolLM3ForCausalLM"};
    document["no_rope_layers"] = {1, 0, 1, 2, 1};
    VERIFY_SAYS(error_of(document.dump()), "'no_rope_layers'");

    document = valid();
    document["architectures"] = {"Phi3ForCausalLM"};
    document["auto_map"] = {{"AutoModelForCausalLM", "modeling_phi3.Phi3ForCausalLM"}};  // what the family is anyway
    QCOMPARE(parse_config(document.dump(), "").norm_epsilon, 1e-5f);
    document["auto_map"] = {{"AutoModelForCausalLM", "modeling_phi3.OtherForCausalLM"}};
    VERIFY_SAYS(error_of(document.dump()), "auto_map");
  }
};

QTEST_GUILESS_MAIN(ConfigTest)
#include "config_test.moc"
