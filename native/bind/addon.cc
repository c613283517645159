// The addon's entry: registers what each file of this folder offers.
#include "bind/bind.h"

namespace cti::bind {

Napi::Error to_js(Napi::Env env, const Error& error) {
  Napi::Error js = Napi::Error::New(env, error.message);
  js.Set("code", Napi::String::New(env, std::string(error_code_name(error.code))));
  return js;
}

}  // namespace cti::bind

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  cti::bind::init_attach(env, exports);
  cti::bind::init_program(env, exports);
  cti::bind::init_small_tables(env, exports);
  cti::bind::init_region(env, exports);
  cti::bind::init_run(env, exports);
  cti::bind::init_image(env, exports);
  cti::bind::init_memfd(env, exports);
  cti::bind::init_snapshot(env, exports);
  cti::bind::init_snapshot_file(env, exports);
  cti::bind::init_unixctl(env, exports);
  cti::bind::init_dp_flows(env, exports);
  cti::bind::init_datapath_texts(env, exports);
  cti::bind::init_measure(env, exports);
  cti::bind::init_lock(env, exports);
  cti::bind::init_channel(env, exports);
  cti::bind::init_cpus(env, exports);
  cti::bind::init_daemon_files(env, exports);
  cti::bind::init_snapshot_fds(env, exports);
  return exports;
}

NODE_API_MODULE(ctinspector, init)
