"""What is installed on the sandbox: model files, samplers, schedulers, by their usual names.

Every model draws the easy world, except the hard one; what differs is the cfg and the number of
steps at which it is at home, so that workflows made for it come out as they would. Names that are
not here are missing, as on any server.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of model: the settings at which it is at home."""

    cfg: float = 7.0
    steps: int = 20
    distilled: bool = False
    """Guidance is an input of the model (FLUX), and cfg stays at 1."""


SD: Final = Family()
SD3: Final = Family(cfg=4.5, steps=28)
TURBO: Final = Family(cfg=1.5, steps=4)
FLUX: Final = Family(cfg=3.5, distilled=True)
SCHNELL: Final = Family(cfg=3.5, steps=4, distilled=True)

EASY_WORLD: Final = "scenes-easy.safetensors"
HARD_WORLD: Final = "scenes-hard.safetensors"

CHECKPOINTS: Final = {
    EASY_WORLD: SD,
    HARD_WORLD: SD,
    "dreamshaper_8.safetensors": SD,
    "flux1-dev-fp8.safetensors": FLUX,
    "flux1-schnell-fp8.safetensors": SCHNELL,
    "sd3.5_medium_incl_clips_t5xxlfp8scaled.safetensors": SD3,
    "sd3.5_medium.safetensors": SD3,
    "sd3_medium_incl_clips_t5xxlfp8.safetensors": SD3,
    "sd_xl_base_1.0.safetensors": SD,
    "sd_xl_refiner_1.0.safetensors": SD,
    "sd_xl_turbo_1.0_fp16.safetensors": TURBO,
    "v1-5-pruned-emaonly-fp16.safetensors": SD,
    "v1-5-pruned-emaonly.safetensors": SD,
}
DIFFUSION_MODELS: Final = {
    "flux1-dev.safetensors": FLUX,
    "flux1-schnell.safetensors": SCHNELL,
    "sd3_medium.safetensors": SD3,
}
TEXT_ENCODERS: Final = (
    "clip_g.safetensors",
    "clip_l.safetensors",
    "t5xxl_fp16.safetensors",
    "t5xxl_fp8_e4m3fn.safetensors",
)
VAES: Final = ("ae.safetensors", "sdxl_vae.safetensors", "vae-ft-mse-840000-ema-pruned.safetensors")
LORAS: Final = ("scenes-detail.safetensors",)
CONTROLNETS: Final = ("control_v11p_sd15_canny.pth",)

FOLDERS: Final = {
    "checkpoints": tuple(CHECKPOINTS),
    "controlnet": CONTROLNETS,
    "diffusion_models": tuple(DIFFUSION_MODELS),
    "loras": LORAS,
    "text_encoders": TEXT_ENCODERS,
    "vae": VAES,
}
"""What `/models/{folder}` lists."""

SAMPLERS: Final = (
    "euler", "euler_cfg_pp", "euler_ancestral", "euler_ancestral_cfg_pp", "heun", "heunpp2",
    "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral",
    "dpmpp_2s_ancestral_cfg_pp", "dpmpp_sde", "dpmpp_sde_gpu", "dpmpp_2m", "dpmpp_2m_cfg_pp",
    "dpmpp_2m_sde", "dpmpp_2m_sde_gpu", "dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu",
    "dpmpp_3m_sde", "dpmpp_3m_sde_gpu", "ddpm", "lcm", "ipndm", "ipndm_v", "deis",
    "res_multistep", "res_multistep_cfg_pp", "res_multistep_ancestral",
    "res_multistep_ancestral_cfg_pp", "gradient_estimation", "gradient_estimation_cfg_pp",
    "er_sde", "seeds_2", "seeds_3", "sa_solver", "sa_solver_pece", "ddim", "uni_pc",
    "uni_pc_bh2",
)  # fmt: skip
SCHEDULERS: Final = (
    "simple", "sgm_uniform", "karras", "exponential", "ddim_uniform", "beta", "normal",
    "linear_quadratic", "kl_optimal",
)  # fmt: skip
