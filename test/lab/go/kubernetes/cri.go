// A CRI client: what the tests ask a runtime directly, beside the kubelet. Answers are JSON on stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const criUsage = `usage: lab-kubernetes cri -endpoint unix:///… [-timeout 60s] [-user U -password-file F] COMMAND
  status            conditions and configuration of the runtime
  version           name and version of the runtime
  images            all images
  inspect REF       one image, with what the runtime tells beside
  pull REF          pulls an image, with the credential when there is one
  rmi REF           removes an image
  pods              all pod sandboxes
  containers        all containers
  rmp ID            stops and removes a pod sandbox
`

type criClient struct {
	images  cri.ImageServiceClient
	runtime cri.RuntimeServiceClient
	auth    *cri.AuthConfig
}

func runCRI(args []string) int {
	flags := flag.NewFlagSet("cri", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, criUsage) }
	endpoint := flags.String("endpoint", "", "the runtime's socket")
	timeout := flags.Duration("timeout", time.Minute, "for the whole call")
	user := flags.String("user", "", "for pull")
	passwordFile := flags.String("password-file", "", "for pull: a file, since arguments are for all to see")
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 || *endpoint == "" {
		flags.Usage()
		return 2
	}
	client, err := dialCRI(*endpoint, *user, *passwordFile)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), *timeout)
		defer cancel()
		err = client.call(ctx, flags.Arg(0), flags.Arg(1))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func dialCRI(endpoint, user, passwordFile string) (*criClient, error) {
	connection, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20)))
	if err != nil {
		return nil, err
	}
	client := &criClient{images: cri.NewImageServiceClient(connection), runtime: cri.NewRuntimeServiceClient(connection)}
	if user != "" {
		password, err := os.ReadFile(passwordFile)
		if err != nil {
			return nil, err
		}
		client.auth = &cri.AuthConfig{Username: user, Password: string(password)}
	}
	return client, nil
}

func (c *criClient) call(ctx context.Context, command, argument string) error {
	image := &cri.ImageSpec{Image: argument}
	switch command {
	case "status":
		return show(c.runtime.Status(ctx, &cri.StatusRequest{Verbose: true}))
	case "version":
		return show(c.runtime.Version(ctx, &cri.VersionRequest{}))
	case "images":
		return show(c.images.ListImages(ctx, &cri.ListImagesRequest{}))
	case "inspect":
		return show(c.images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: image, Verbose: true}))
	case "pull":
		return show(c.images.PullImage(ctx, &cri.PullImageRequest{Image: image, Auth: c.auth}))
	case "rmi":
		return show(c.images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: image}))
	case "pods":
		return show(c.runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{}))
	case "containers":
		return show(c.runtime.ListContainers(ctx, &cri.ListContainersRequest{}))
	case "rmp":
		_, err := c.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: argument})
		if err != nil {
			return err
		}
		return show(c.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: argument}))
	default:
		return errors.New("no command " + command + "\n" + criUsage)
	}
}

func show(answer any, err error) error {
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}
