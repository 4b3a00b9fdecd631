// What `stemma info` finds out about files: each function reads one kind whole and returns its facts, in reading order,
// or throws the Error that says what is wrong with it. Of a model it also tells what is missing, not supported or
// broken.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace stemma {

nlohmann::ordered_json model_info(const std::filesystem::path& named);
bool is_model(const std::filesystem::path& named);  // or looks like what is left of one
nlohmann::ordered_json safetensors_info(const std::filesystem::path& file);
nlohmann::ordered_json tokenizer_info(const std::filesystem::path& file);
nlohmann::ordered_json session_info(const std::filesystem::path& file);
nlohmann::ordered_json factors_info(const std::filesystem::path& file);
nlohmann::ordered_json index_info(const std::filesystem::path& file);
nlohmann::ordered_json corpus_info(const std::filesystem::path& path);
nlohmann::ordered_json devices_info();

}  // namespace stemma
