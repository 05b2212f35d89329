# @original 11_clusters/docker/Dockerfile, …/diffusion_numpy_memory2.py
# The diffusion of chapter 6 in a container: a script that needs no permission, run by a user who has none.
#
#     docker build -f ch11/docker/diffusion.Dockerfile -t diffusion .        in the root of the repository
#     docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --network none diffusion
FROM denoland/deno:2.9.6
WORKDIR /app
COPY ch06/diffusion_2d/diffusion_fused.ts .
# Compiled once, while the image is built; what the container runs needs no network. The cache has to be readable by the user below.
ENV DENO_DIR=/app/.deno
RUN deno cache diffusion_fused.ts && chown -R deno:deno /app
# The image's own user, who may not write to the system.
USER deno
CMD ["deno", "run", "--no-prompt", "--cached-only", "diffusion_fused.ts"]
